//! A server without a cluster: its own authority, certificates and kubeconfig in one folder.

use anyhow::{Context as _, bail, ensure};
use kube_annex_runtime::authn::{CaBundle, Trust};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData as _, SanType,
};
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of a server without a cluster, and no other server's while this lives.
#[derive(Debug)]
pub(crate) struct Standalone {
    folder: PathBuf,
    /// The system lets go of it when the process ends, however it ends.
    _lock: File,
}

const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;
const BEGIN_ANEW: &str = "remove the folder to begin anew";

impl Standalone {
    /// Makes what is missing in the folder, and writes a kubeconfig for this address. What is there is used again.
    ///
    /// * Errors: which file could not be read or written; another server has the folder.
    pub(crate) fn prepare(folder: &Path, address: IpAddr, port: u16) -> anyhow::Result<Self> {
        let mut maker = fs::DirBuilder::new();
        maker.recursive(true).mode(0o700);
        maker.create(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        let folder = folder.canonicalize().with_context(|| format!("{} has no absolute path", folder.display()))?;
        let lock = lock(&folder)?;
        let this = Self { folder, _lock: lock };
        let authority = this.authority()?;
        this.issue(&authority, "serving", &serving_parameters(address)?)?;
        this.issue(&authority, "admin", &admin_parameters()?)?;
        this.write_kubeconfig(address, port)?;
        Ok(this)
    }

    /// Only certificates of the folder's own authority get in.
    pub(crate) fn trust(&self) -> anyhow::Result<Trust> {
        let path = self.path("ca.crt");
        let bundle = CaBundle::from_pem(path.display().to_string(), self.read("ca.crt")?.as_bytes())?;
        Ok(Trust { client_ca: Some(Arc::new(bundle)), front_proxy: None })
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.path("serving.crt")
    }

    pub(crate) fn private_key(&self) -> PathBuf {
        self.path("serving.key")
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.path("kubeconfig")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn read(&self, name: &str) -> anyhow::Result<String> {
        let path = self.path(name);
        fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    }

    /// The private key of that name, made when there is none. One that others could read is closed to them.
    fn key(&self, name: &str) -> anyhow::Result<KeyPair> {
        let path = self.path(name);
        if !path.exists() {
            self.write(name, &KeyPair::generate()?.serialize_pem(), PRIVATE)?;
        }
        let text = self.read(name)?;
        fs::set_permissions(&path, Permissions::from_mode(PRIVATE))
            .with_context(|| format!("{} is open to other users and cannot be closed to them", path.display()))?;
        KeyPair::from_pem(&text).with_context(|| format!("{} holds no private key; {BEGIN_ANEW}", path.display()))
    }

    /// The authority in the folder, made when there is none.
    fn authority(&self) -> anyhow::Result<Issuer<'static, KeyPair>> {
        let path = self.path("ca.crt");
        let key = self.key("ca.key")?;
        if !path.exists() {
            self.write("ca.crt", &authority_parameters().self_signed(&key)?.pem(), PUBLIC)?;
        }
        let certificate = self.read("ca.crt")?;
        let known = public_key(&certificate);
        let known = known.with_context(|| format!("{} holds no certificate; {BEGIN_ANEW}", path.display()))?;
        ensure!(
            known == key.subject_public_key_info(),
            "{} is not the certificate of the key in {}; {BEGIN_ANEW}",
            path.display(),
            self.path("ca.key").display()
        );
        Issuer::from_ca_cert_pem(&certificate, key)
            .with_context(|| format!("{} is not an authority's certificate; {BEGIN_ANEW}", path.display()))
    }

    /// A certificate of the authority, made anew at every start: the address may have changed, and it never gets old.
    fn issue(
        &self,
        authority: &Issuer<'static, KeyPair>,
        name: &str,
        parameters: &CertificateParams,
    ) -> anyhow::Result<()> {
        let key = self.key(&format!("{name}.key"))?;
        self.write(&format!("{name}.crt"), &parameters.signed_by(&key, authority)?.pem(), PUBLIC)
    }

    fn write_kubeconfig(&self, address: IpAddr, port: u16) -> anyhow::Result<()> {
        let host = match address {
            IpAddr::V4(v4) if v4.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V6(v6) if v6.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        };
        let document = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "annex", "cluster": {
                "server": format!("https://{host}:{port}"),
                "certificate-authority": self.path("ca.crt"),
            }}],
            "users": [{ "name": "admin", "user": {
                "client-certificate": self.path("admin.crt"),
                "client-key": self.path("admin.key"),
            }}],
            "contexts": [{ "name": "annex", "context": { "cluster": "annex", "user": "admin", "namespace": "default" }}],
            "current-context": "annex",
        });
        self.write("kubeconfig", &serde_saphyr::to_string(&document)?, PRIVATE)
    }

    /// Writes a file as a whole: a reader sees the old one or the new one.
    fn write(&self, name: &str, text: &str, mode: u32) -> anyhow::Result<()> {
        let path = self.path(name);
        let draft = self.path(&format!(".{name}.new"));
        let written = (|| {
            // Left behind by a process that ended here; what is there now may have any mode and lead anywhere.
            match fs::remove_file(&draft) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&draft, &path)
        })();
        written.with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// Takes the folder for this process.
fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("lock");
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(PRIVATE).open(&path);
    let mut file = open.with_context(|| format!("{} cannot be opened", path.display()))?;
    match file.try_lock() {
        Ok(()) => {
            let written = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            written.with_context(|| format!("{} cannot be written", path.display()))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            let process = match file.read_to_string(&mut process) {
                Ok(1..) => format!(", process {}", process.trim()),
                _ => String::new(),
            };
            bail!("{} is in use by another server{process}; stop it, or choose another --data-dir", folder.display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("{} cannot be locked", path.display())),
    }
}

/// The public key of a certificate in PEM, as its DER has it.
fn public_key(pem: &str) -> anyhow::Result<Vec<u8>> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes())?;
    Ok(pem.parse_x509()?.public_key().raw.to_vec())
}

/// A certificate for this process alone, and its key, in PEM.
pub(crate) fn self_signed(address: IpAddr) -> anyhow::Result<(String, String)> {
    let key = KeyPair::generate()?;
    let certificate = serving_parameters(address)?.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn named(common_name: &str, organization: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if let Some(organization) = organization {
        name.push(DnType::OrganizationName, organization);
    }
    name.push(DnType::CommonName, common_name);
    name
}

fn authority_parameters() -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = named("annex standalone authority", None);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
}

fn serving_parameters(address: IpAddr) -> anyhow::Result<CertificateParams> {
    let mut parameters = CertificateParams::new(vec!["localhost".to_owned()])?;
    parameters.distinguished_name = named("annex", None);
    for ip in [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), address] {
        if !ip.is_unspecified() && !parameters.subject_alt_names.contains(&SanType::IpAddress(ip)) {
            parameters.subject_alt_names.push(SanType::IpAddress(ip));
        }
    }
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(parameters)
}

fn admin_parameters() -> anyhow::Result<CertificateParams> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.distinguished_name = named("annex-admin", Some("system:masters"));
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(parameters)
}
