//! Certificate authorities and certificates for tests, made on the spot.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// A certificate authority.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its private key, both in PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub private_key: String,
}

/// What a certificate is to say.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    common_name: String,
    organizations: Vec<String>,
    uid: Option<String>,
    expired: bool,
    usage: Option<ExtendedKeyUsagePurpose>,
    names: Vec<String>,
}

impl Authority {
    /// An authority with a name of its own.
    pub fn new(name: &str) -> Self {
        Self::living_until(name, 4000)
    }

    /// An authority whose certificate ran out years ago.
    pub fn expired(name: &str) -> Self {
        Self::living_until(name, 2001)
    }

    /// Its certificate in PEM.
    pub fn pem(&self) -> &str {
        &self.certificate
    }

    /// Signs a new certificate.
    pub fn issue(&self, subject: &Subject) -> Issued {
        let key = KeyPair::generate().expect("a key pair");
        let certificate = subject.params().signed_by(&key, &self.issuer).expect("a certificate");
        Issued { certificate: certificate.pem(), private_key: key.serialize_pem() }
    }

    /// Signs a certificate for a client with a common name.
    pub fn client(&self, common_name: &str) -> Issued {
        self.issue(&Subject::client(common_name))
    }

    /// Signs a certificate for a server with these names and addresses.
    pub fn serving(&self, names: &[&str]) -> Issued {
        self.issue(&Subject::serving(names))
    }

    /// An authority below this one; its certificate is an intermediate.
    #[must_use]
    pub fn intermediate(&self, name: &str) -> Self {
        let (params, key) = authority_params(name, 4000);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn living_until(name: &str, year: i32) -> Self {
        let (params, key) = authority_params(name, year);
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }
}

impl Subject {
    /// A client.
    pub fn client(common_name: &str) -> Self {
        let usage = Some(ExtendedKeyUsagePurpose::ClientAuth);
        Self { common_name: common_name.to_owned(), usage, ..Self::default() }
    }

    /// A server.
    pub fn serving(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let common_name = names.first().cloned().unwrap_or_default();
        Self { common_name, names, usage: Some(ExtendedKeyUsagePurpose::ServerAuth), ..Self::default() }
    }

    /// The same in an organization: a group, for a client. There may be two.
    #[must_use]
    pub fn in_organization(mut self, organization: &str) -> Self {
        self.organizations.push(organization.to_owned());
        self
    }

    /// The same with a Kubernetes uid.
    #[must_use]
    pub fn with_uid(mut self, uid: &str) -> Self {
        self.uid = Some(uid.to_owned());
        self
    }

    /// The same, run out years ago.
    #[must_use]
    pub fn expired(mut self) -> Self {
        self.expired = true;
        self
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::new(self.names.clone()).expect("names and addresses");
        params.distinguished_name = DistinguishedName::new();
        if !self.common_name.is_empty() {
            params.distinguished_name.push(DnType::CommonName, self.common_name.as_str());
        }
        // A name holds one value of a kind; these are two spellings of one kind.
        let kinds = [DnType::OrganizationName, DnType::CustomDnType(vec![2, 5, 4, 10])];
        assert!(self.organizations.len() <= kinds.len(), "no more organizations than {}", kinds.len());
        for (kind, organization) in kinds.into_iter().zip(&self.organizations) {
            params.distinguished_name.push(kind, organization.as_str());
        }
        if let Some(uid) = &self.uid {
            params.distinguished_name.push(DnType::from_oid(&[1, 3, 6, 1, 4, 1, 57683, 2]), uid.as_str());
        }
        if self.expired {
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        params.extended_key_usages = self.usage.iter().cloned().collect();
        params
    }
}

fn authority_params(name: &str, year: i32) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_after = date_time_ymd(year, 1, 1);
    (params, KeyPair::generate().expect("a key pair"))
}
