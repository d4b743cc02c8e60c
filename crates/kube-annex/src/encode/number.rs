//! A number somewhere in an object, found without writing the fields beside the way to it.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

type Error = serde_json::Error;

/// The whole number under these members, one in another; none where something else stands, or nothing.
///
/// * Shape: a float that is whole is a whole number, since it is written as one.
/// * Errors: the type's own `Serialize` fails.
pub(super) fn at<T: Serialize>(object: &T, path: &[&str]) -> Result<Option<i64>, Error> {
    object.serialize(Probe(path))
}

/// Looks at one value; what is asked for is under these members of it.
#[derive(Clone, Copy)]
struct Probe<'p>(&'p [&'p str]);

impl Probe<'_> {
    fn number(self, number: impl TryInto<i64>) -> Option<i64> {
        number.try_into().ok().filter(|_| self.0.is_empty())
    }

    /// What is under a member, if the way leads there.
    fn under<T: ?Sized + Serialize>(self, member: &str, value: &T) -> Result<Option<i64>, Error> {
        match self.0 {
            [first, rest @ ..] if *first == member => value.serialize(Probe(rest)),
            _ => Ok(None),
        }
    }
}

/// The members of an object.
struct Members<'p> {
    /// `None` in an object that the way does not lead through.
    probe: Option<Probe<'p>>,
    /// The member whose value comes next, where an object has members of any name.
    key: String,
    found: Option<i64>,
}

impl<'p> Members<'p> {
    fn of(probe: Option<Probe<'p>>) -> Self {
        Self { probe, key: String::new(), found: None }
    }

    fn meet<T: ?Sized + Serialize>(&mut self, member: &str, value: &T) -> Result<(), Error> {
        if let (Some(probe), None) = (self.probe, self.found) {
            self.found = probe.under(member, value)?;
        }
        Ok(())
    }
}

macro_rules! members {
    ($($part:ident)*) => {$(
        impl $part for Members<'_> {
            type Ok = Option<i64>;
            type Error = Error;

            fn serialize_field<T: ?Sized + Serialize>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
                self.meet(key, value)
            }

            fn end(self) -> Result<Option<i64>, Error> {
                Ok(self.found)
            }
        }
    )*};
}

members! { SerializeStruct SerializeStructVariant }

impl SerializeMap for Members<'_> {
    type Ok = Option<i64>;
    type Error = Error;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Error> {
        self.key = match serde_json::to_value(key)? {
            serde_json::Value::String(key) => key,
            // It is written with quotes around it.
            other => other.to_string(),
        };
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        let key = std::mem::take(&mut self.key);
        self.meet(&key, value)
    }

    fn end(self) -> Result<Option<i64>, Error> {
        Ok(self.found)
    }
}

/// The items of a list, through which no way leads.
struct Items;

macro_rules! no_way {
    ($($part:ident::$method:ident;)*) => {$(
        impl $part for Items {
            type Ok = Option<i64>;
            type Error = Error;

            fn $method<T: ?Sized + Serialize>(&mut self, _: &T) -> Result<(), Error> {
                Ok(())
            }

            fn end(self) -> Result<Option<i64>, Error> {
                Ok(None)
            }
        }
    )*};
}

no_way! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! numbers {
    ($($method:ident($type:ty);)*) => {
        $(fn $method(self, number: $type) -> Result<Option<i64>, Error> { Ok(self.number(number)) })*
    };
}

macro_rules! nothing {
    ($($method:ident($($type:ty),*);)*) => {
        $(fn $method(self, $(_: $type),*) -> Result<Option<i64>, Error> { Ok(None) })*
    };
}

impl<'p> Serializer for Probe<'p> {
    type Ok = Option<i64>;
    type Error = Error;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Members<'p>;
    type SerializeStruct = Members<'p>;
    type SerializeStructVariant = Members<'p>;

    numbers! {
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
    }

    nothing! {
        serialize_bool(bool);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    fn serialize_f32(self, number: f32) -> Result<Option<i64>, Error> {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Result<Option<i64>, Error> {
        let whole = self.0.is_empty() && number.fract() == 0.0;
        Ok(if whole { format!("{number:.0}").parse().ok() } else { None })
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<Option<i64>, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Result<Option<i64>, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Option<i64>, Error> {
        self.under(variant, value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items, Error> {
        Ok(Items)
    }

    fn serialize_tuple(self, _: usize) -> Result<Items, Error> {
        Ok(Items)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items, Error> {
        Ok(Items)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Items, Error> {
        Ok(Items)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'p>, Error> {
        Ok(Members::of(Some(self)))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'p>, Error> {
        Ok(Members::of(Some(self)))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members<'p>, Error> {
        Ok(Members::of(match self.0 {
            [first, rest @ ..] if *first == variant => Some(Probe(rest)),
            _ => None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[derive(serde::Serialize)]
    struct Typed {
        spec: Option<Spec>,
        list: Vec<Spec>,
        pair: (i64, i64),
        #[serde(flatten)]
        rest: Value,
    }

    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec {
        how_many: Count,
        size: i32,
        share: f64,
        of: Variants,
    }

    #[derive(serde::Serialize)]
    struct Count(u8);

    #[derive(serde::Serialize)]
    enum Variants {
        One { deep: i64 },
        Two(i64),
        Three(i64, i64),
        Four,
    }

    fn spec(size: i32, share: f64, of: Variants) -> Spec {
        Spec { how_many: Count(7), size, share, of }
    }

    #[test]
    fn sub_4_a_number_is_what_the_written_object_has_in_its_place() {
        let variants = [Variants::One { deep: -3 }, Variants::Two(4), Variants::Three(5, 6), Variants::Four];
        let objects = variants.into_iter().zip([-1.0, 2.5, 0.0, -3e9]).map(|(of, share)| Typed {
            spec: Some(spec(-2, share, of)),
            list: vec![spec(1, 1.0, Variants::Four)],
            pair: (1, 2),
            rest: json!({ "more": { "deep": { "size": -9, "text": "1", "no": null, "big": u64::MAX } }, "1": 2 }),
        });
        let nothing = Typed { spec: None, list: Vec::new(), pair: (0, 0), rest: json!({}) };
        let paths = [
            "",
            "spec",
            "spec.size",
            "spec.howMany",
            "spec.share",
            "spec.of",
            "spec.of.One",
            "spec.of.One.deep",
            "spec.of.Two",
            "spec.of.Three",
            "spec.of.Four",
            "spec.size.deep",
            "list",
            "list.0",
            "list.size",
            "pair",
            "pair.0",
            "more",
            "more.deep.size",
            "more.deep.text",
            "more.deep.no",
            "more.deep.big",
            "more.deep",
            "1",
            "nothing",
        ];
        for object in objects.chain([nothing]) {
            let mut written = Vec::new();
            super::super::write_json(&object, &mut written).unwrap();
            let tree: Value = serde_json::from_slice(&written).unwrap();
            for path in paths {
                let segments: Vec<&str> = path.split('.').filter(|segment| !segment.is_empty()).collect();
                let expected = segments.iter().try_fold(&tree, |value, name| value.get(*name)).and_then(Value::as_i64);
                assert_eq!(at(&object, &segments).unwrap(), expected, "{path} of {tree}");
            }
        }
    }
}
