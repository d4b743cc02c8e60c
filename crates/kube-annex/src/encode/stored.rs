//! Stored bytes on their way out: the resourceVersion, which storage alone knows, is spliced in.

/// Stored bytes that are not an object as this module writes them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the stored object is malformed near byte {at}: expected {expected}")]
pub struct Malformed {
    /// Where the bytes stop making sense.
    pub at: usize,
    /// What should have been there.
    pub expected: &'static str,
}

/// Where in one object's stored bytes the answers to clients begin and get their resourceVersion.
///
/// Stored bytes are the object's JSON without `metadata.resourceVersion`. Finding the places reads the head of the
/// object once; writing is then three copies. Keep it beside the bytes it was made of.
///
/// * Shape: also fits bytes with blanks, or with keys in another order, as others may have written them.
/// * Errors: [`Malformed`] when the bytes are not an object with a `metadata` object, or carry a resourceVersion.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stored {
    metadata: usize,
    insert: usize,
    comma: Comma,
    body: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Comma {
    None,
    Before,
    After,
}

impl Stored {
    /// Finds the places in the bytes.
    pub fn find(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut scan = Scan { bytes, at: 0 };
        scan.expect(b'{', "an object")?;
        let mut body = None;
        while let Some(key) = scan.next_key()? {
            if !matches!(key.name, b"kind" | b"apiVersion") {
                body.get_or_insert(key.start);
            }
            if key.name == b"metadata" {
                scan.skip_blanks();
                let metadata = scan.at;
                let (insert, comma) = scan.metadata()?;
                return Ok(Self { metadata, insert, comma, body: body.unwrap_or(key.start) });
            }
            scan.skip_value()?;
        }
        Err(scan.malformed("a metadata key"))
    }

    /// The offset before which the `resourceVersion` member belongs.
    pub fn splice_point(&self) -> usize {
        self.insert
    }

    /// Appends the object with that resourceVersion. `bytes` are those that `self` was found in.
    pub fn write_object(&self, bytes: &[u8], resource_version: u64, out: &mut Vec<u8>) {
        self.write_from(0, bytes, resource_version, out);
    }

    /// Appends the object with that resourceVersion and without its leading `kind` and `apiVersion`: as upstream
    /// writes the items of a list of a compiled-in type.
    pub fn write_item(&self, bytes: &[u8], resource_version: u64, out: &mut Vec<u8>) {
        out.push(b'{');
        self.write_from(self.body, bytes, resource_version, out);
    }

    /// Appends a `PartialObjectMetadata` of the object with that resourceVersion. `api_version` is
    /// [`META_API_VERSION`](super::META_API_VERSION), or `meta.k8s.io/v1beta1` for a client that asked for that.
    ///
    /// * Errors: [`Malformed`] when the metadata does not end; `out` is then as before.
    pub fn write_partial(
        &self,
        bytes: &[u8],
        resource_version: u64,
        api_version: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        let end = self.metadata + self.metadata(bytes)?.len();
        out.extend_from_slice(b"{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"");
        out.extend_from_slice(api_version.as_bytes());
        out.extend_from_slice(b"\",\"metadata\":");
        self.write_from(self.metadata, bytes.get(..end).unwrap_or_default(), resource_version, out);
        out.push(b'}');
        Ok(())
    }

    /// The object's metadata as JSON, without resourceVersion: enough for selectors, without reading the rest.
    ///
    /// * Errors: [`Malformed`] when the metadata does not end.
    pub fn metadata<'b>(&self, bytes: &'b [u8]) -> Result<&'b [u8], Malformed> {
        let mut scan = Scan { bytes, at: self.metadata };
        scan.skip_value()?;
        Ok(bytes.get(self.metadata..scan.at).unwrap_or_default())
    }

    /// What was not written, as in a dry run, has no version.
    fn write_from(&self, from: usize, bytes: &[u8], resource_version: u64, out: &mut Vec<u8>) {
        if resource_version == 0 {
            out.extend_from_slice(bytes.get(from..).unwrap_or_default());
            return;
        }
        out.reserve(bytes.len() + 48);
        out.extend_from_slice(bytes.get(from..self.insert).unwrap_or_default());
        if self.comma == Comma::Before {
            out.push(b',');
        }
        out.extend_from_slice(b"\"resourceVersion\":\"");
        write_decimal(resource_version, out);
        out.push(b'"');
        if self.comma == Comma::After {
            out.push(b',');
        }
        // Upstream's encoder ends each object with a newline, which would end the line of an event too early.
        out.extend_from_slice(bytes.get(self.insert..).unwrap_or_default().trim_ascii_end());
    }
}

/// The stored bytes with that resourceVersion, for those who do not keep a [`Stored`] beside them.
pub fn with_resource_version(bytes: &[u8], resource_version: u64) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::new();
    Stored::find(bytes)?.write_object(bytes, resource_version, &mut out);
    Ok(out)
}

fn write_decimal(mut number: u64, out: &mut Vec<u8>) {
    let start = out.len();
    loop {
        // A remainder of ten is below ten.
        out.push(b'0' + u8::try_from(number % 10).unwrap_or_default());
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// Walks JSON that is trusted to be JSON, though not to the point of panicking when it is not.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

struct Key<'a> {
    start: usize,
    name: &'a [u8],
}

impl<'a> Scan<'a> {
    /// Inside a metadata object: where the resourceVersion belongs, and which comma goes with it.
    fn metadata(&mut self) -> Result<(usize, Comma), Malformed> {
        self.expect(b'{', "a metadata object")?;
        let mut any = false;
        while let Some(key) = self.next_key()? {
            match key.name {
                b"name" | b"generateName" | b"namespace" | b"selfLink" | b"uid" => self.skip_value()?,
                b"resourceVersion" => return Err(self.malformed("no resourceVersion in stored bytes")),
                _ => return Ok((key.start, Comma::After)),
            }
            any = true;
        }
        // `next_key` stands behind the closing brace.
        Ok((self.at - 1, if any { Comma::Before } else { Comma::None }))
    }

    /// The next key of the object whose brace or last value was just passed; `None` behind the closing brace.
    fn next_key(&mut self) -> Result<Option<Key<'a>>, Malformed> {
        self.skip_blanks();
        if self.peek() == Some(b',') {
            self.at += 1;
            self.skip_blanks();
        }
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(None);
        }
        let start = self.at;
        self.skip_string()?;
        let name = self.bytes.get(start + 1..self.at - 1).unwrap_or_default();
        self.expect(b':', "a colon")?;
        Ok(Some(Key { start, name }))
    }

    fn skip_value(&mut self) -> Result<(), Malformed> {
        self.skip_blanks();
        let mut depth = 0_usize;
        loop {
            match self.peek().ok_or(self.malformed("a value"))? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1).ok_or(self.malformed("a value"))?;
                    self.at += 1;
                }
                b',' if depth == 0 => return Err(self.malformed("a value")),
                b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                _ => self.skip_literal(),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn skip_literal(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b':' | b'"' | b' ' | b'\n' | b'\r' | b'\t');
        // At least one byte, so that every round makes progress.
        self.at += rest.iter().position(end).unwrap_or(rest.len()).max(1);
    }

    fn skip_string(&mut self) -> Result<(), Malformed> {
        self.expect(b'"', "a string")?;
        loop {
            match self.peek().ok_or(self.malformed("the end of a string"))? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), Malformed> {
        self.skip_blanks();
        if self.peek() != Some(byte) {
            return Err(self.malformed(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn malformed(&self, expected: &'static str) -> Malformed {
        Malformed { at: self.at, expected }
    }
}
