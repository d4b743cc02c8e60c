//! Certificate authorities and the certificates they sign, for tests and for deployments.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use k8s_openapi::jiff::{Timestamp, ToSpan, civil, tz::TimeZone};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// A certificate and its private key, both PEM.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS#8.
    pub key: String,
}

impl Pair {
    /// Writes the certificate, and the key readable by its owner alone.
    pub fn write(&self, certificate: &Path, key: &Path) -> Result<()> {
        write_private(key, &self.key)?;
        write_public(certificate, &self.certificate)
    }
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Proves a server's names.
    Server,
    /// Proves who a client is.
    Client,
}

/// Something that signs certificates.
#[derive(Debug)]
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with a self-signed certificate.
    pub fn new(common_name: &str, days: u16) -> Result<Self> {
        let key = KeyPair::generate().context("cannot make a key")?;
        let mut params = params(common_name, None, &[], days)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).context("cannot sign the authority's certificate")?.pem();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// An authority from its PEM certificate and key.
    ///
    /// * Errors: one of them is not what it should be.
    pub fn load(certificate: &str, key: &str) -> Result<Self> {
        let key = KeyPair::from_pem(key).context("not a private key in PEM")?;
        let issuer = Issuer::from_ca_cert_pem(certificate, key).context("not an authority's certificate in PEM")?;
        Ok(Self { certificate: certificate.to_owned(), issuer })
    }

    /// The authority's own certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The authority's certificate and key.
    pub fn pair(&self) -> Pair {
        Pair { certificate: self.certificate.clone(), key: self.issuer.key().serialize_pem() }
    }

    /// A new key with a certificate of a server of these names and addresses.
    pub fn server(&self, names: &[String], days: u16) -> Result<Pair> {
        let common_name = names.first().map_or("server", String::as_str);
        self.sign(params(common_name, None, names, days)?, Usage::Server)
    }

    /// A new key with a certificate of a client: the user is its common name, the group its organization.
    pub fn client(&self, user: &str, group: Option<&str>, days: u16) -> Result<Pair> {
        self.sign(params(user, group, &[], days)?, Usage::Client)
    }

    fn sign(&self, mut params: CertificateParams, usage: Usage) -> Result<Pair> {
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match usage {
            Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        let key = KeyPair::generate().context("cannot make a key")?;
        let certificate: Certificate = params.signed_by(&key, &self.issuer).context("cannot sign a certificate")?;
        Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// Writes a file that anyone may read.
pub fn write_public(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file that its owner alone may read, in one step: a reader sees the old text or the new one.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let write = || -> Result<()> {
        let new = path.with_extension("new");
        if new.exists() {
            fs::remove_file(&new)?;
        }
        File::options().write(true).create_new(true).mode(0o600).open(&new)?.write_all(text.as_bytes())?;
        Ok(fs::rename(&new, path)?)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// The current instant: the one place of this crate that asks for it.
#[allow(clippy::disallowed_methods, reason = "tasks run outside the server, there are no Seams here")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Valid from yesterday, so that clocks that differ a little do not matter, for so many days.
fn params(common_name: &str, organization: Option<&str>, names: &[String], days: u16) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(names.to_vec()).context("a name that cannot stand in a certificate")?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    if let Some(organization) = organization {
        params.distinguished_name.push(DnType::OrganizationName, organization);
    }
    let today = now().to_zoned(TimeZone::UTC).date();
    let (year, month, day) = parts(today.checked_sub(1.day())?)?;
    params.not_before = date_time_ymd(year, month, day);
    let (year, month, day) = parts(today.checked_add(i32::from(days).days())?)?;
    params.not_after = date_time_ymd(year, month, day);
    Ok(params)
}

fn parts(day: civil::Date) -> Result<(i32, u8, u8)> {
    Ok((i32::from(day.year()), u8::try_from(day.month())?, u8::try_from(day.day())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use x509_parser::pem::parse_x509_pem;

    #[test]
    fn a_loaded_authority_signs_what_the_new_one_vouches_for() {
        let authority = Authority::new("test-ca", 10).unwrap();
        let pair = authority.pair();
        let loaded = Authority::load(&pair.certificate, &pair.key).unwrap();
        let names = ["api.annex.svc".to_owned(), "127.0.0.1".to_owned()];
        let server = loaded.server(&names, 5).unwrap();

        let (_, ca) = parse_x509_pem(authority.certificate().as_bytes()).unwrap();
        let (_, leaf) = parse_x509_pem(server.certificate.as_bytes()).unwrap();
        let (ca, leaf) = (ca.parse_x509().unwrap(), leaf.parse_x509().unwrap());
        leaf.verify_signature(Some(ca.public_key())).unwrap();
        assert!(leaf.validity().is_valid());
        assert_eq!(leaf.subject_alternative_name().unwrap().unwrap().value.general_names.len(), 2);
    }

    #[test]
    fn a_client_certificate_carries_the_user_and_the_group() {
        let pair = Authority::new("test-ca", 10).unwrap().client("admin", Some("system:masters"), 1).unwrap();
        let (_, pem) = parse_x509_pem(pair.certificate.as_bytes()).unwrap();
        let subject = pem.parse_x509().unwrap().subject().to_string();
        assert_eq!(subject, "CN=admin, O=system:masters");
    }

    #[test]
    fn a_key_is_readable_by_its_owner_alone_even_over_an_open_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tls.key");
        fs::write(&path, "old").unwrap();
        write_private(&path, "secret").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), "secret");
    }
}
