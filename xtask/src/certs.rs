//! The authority and the serving certificate of a server behind an aggregator.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use k8s_openapi::jiff::Timestamp;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::X509Certificate;

use crate::paths;
use crate::pki::{Authority, Pair, now, write_private, write_public};
use crate::step::{note, say};

/// What `cargo xtask certs` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The Service in front of the server.
    #[arg(long, default_value = "kube-annex-server")]
    service: String,
    /// The namespace of that Service.
    #[arg(long, default_value = "kube-annex-server")]
    namespace: String,
    /// The folder for ca.crt, ca.key, tls.crt and tls.key [default: target/certs/NAMESPACE/SERVICE].
    #[arg(long)]
    out: Option<PathBuf>,
    /// Make a new authority even if the folder has one. Every APIService that trusts the old one must be updated.
    #[arg(long)]
    new_ca: bool,
}

/// The certificates in a folder.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority's certificate: the `caBundle` of an `APIService`.
    pub ca: String,
    /// What the server serves with.
    pub serving: Pair,
}

/// Makes what is missing, and always a new serving certificate, under the authority that the folder has.
pub fn run(args: &Args) -> Result<()> {
    let folder = args.out.clone().unwrap_or_else(|| default_folder(&args.namespace, &args.service));
    let names = names(&args.namespace, &args.service);
    let authority = authority(&folder, args.new_ca)?;
    issue(&folder, &authority, &names)?;
    say(format!("{} for {}", folder.join("tls.crt").display(), names.join(", ")));
    Ok(())
}

/// The certificates in `folder`, made or renewed only if need be.
///
/// * Shape: the serving certificate stays while it names this service, comes from the folder's authority, fits its key and has a
///   third of its time left.
/// * Errors: the folder holds half an authority, or one that is not readable.
pub fn ensure_in(folder: &Path, namespace: &str, service: &str) -> Result<Certificates> {
    let names = names(namespace, service);
    let authority = authority(folder, false)?;
    let serving = match kept(folder, &authority, &names) {
        Ok(serving) => serving,
        Err(reason) => {
            note(format!("new serving certificate: {reason:#}"));
            issue(folder, &authority, &names)?
        }
    };
    Ok(Certificates { ca: authority.certificate().to_owned(), serving })
}

/// Where the certificates of a service are kept unless told otherwise.
pub fn default_folder(namespace: &str, service: &str) -> PathBuf {
    paths::target().join("certs").join(namespace).join(service)
}

/// The first name is the one that the aggregator asks for; the last ones are for tests on this machine.
fn names(namespace: &str, service: &str) -> Vec<String> {
    let host = format!("{service}.{namespace}.svc");
    let local = format!("{host}.cluster.local");
    [&host, &local, "localhost", "127.0.0.1", "::1"].into_iter().map(str::to_owned).collect()
}

fn authority(folder: &Path, new: bool) -> Result<Authority> {
    let (certificate, key) = (folder.join("ca.crt"), folder.join("ca.key"));
    if !new && (certificate.exists() || key.exists()) {
        return Authority::load(&read(&certificate)?, &read(&key)?)
            .with_context(|| format!("{} does not hold a usable authority; --new-ca replaces it", folder.display()));
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let authority = Authority::new("kube-annex-serving-ca", CA_DAYS)?;
    authority.pair().write(&certificate, &key)?;
    note(format!("new authority: {}", certificate.display()));
    Ok(authority)
}

fn issue(folder: &Path, authority: &Authority, names: &[String]) -> Result<Pair> {
    let serving = authority.server(names, SERVING_DAYS)?;
    write_private(&folder.join("tls.key"), &serving.key)?;
    write_public(&folder.join("tls.crt"), &serving.certificate)?;
    Ok(serving)
}

/// The serving certificate that is there, or why it will not do.
fn kept(folder: &Path, authority: &Authority, names: &[String]) -> Result<Pair> {
    let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    ensure!(certificate.exists() && key.exists(), "there is none yet");
    let pair = Pair { certificate: read(&certificate)?, key: read(&key)? };
    let (_, pem) = parse_x509_pem(pair.certificate.as_bytes()).context("it is not PEM")?;
    let leaf = pem.parse_x509().context("it is not X.509")?;
    let (_, ca) = parse_x509_pem(authority.certificate().as_bytes()).context("the authority is not PEM")?;
    let ca = ca.parse_x509().context("the authority is not X.509")?;
    ensure!(leaf.verify_signature(Some(ca.public_key())).is_ok(), "another authority signed it");
    ensure!(matches_key(&leaf, &pair.key)?, "it belongs to another key");
    ensure!(names.iter().all(|name| has_name(&leaf, name)), "it was for other names");
    ensure!(is_young(&leaf, now()), "it has less than a third of its time left");
    Ok(pair)
}

fn matches_key(leaf: &X509Certificate<'_>, key: &str) -> Result<bool> {
    let key = rcgen::KeyPair::from_pem(key).context("the key is not one")?;
    Ok(leaf.public_key().subject_public_key.data.as_ref() == key.public_key_raw())
}

fn has_name(leaf: &X509Certificate<'_>, name: &str) -> bool {
    let Ok(Some(names)) = leaf.subject_alternative_name() else { return false };
    names.value.general_names.iter().any(|found| match found {
        GeneralName::DNSName(found) => *found == name,
        GeneralName::IPAddress(found) => name.parse().is_ok_and(|wanted| match wanted {
            std::net::IpAddr::V4(wanted) => *found == wanted.octets(),
            std::net::IpAddr::V6(wanted) => *found == wanted.octets(),
        }),
        _ => false,
    })
}

fn is_young(leaf: &X509Certificate<'_>, now: Timestamp) -> bool {
    let (start, end) = (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
    now.as_second() >= start && end - now.as_second() >= (end - start) / 3
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

const CA_DAYS: u16 = 3650;
const SERVING_DAYS: u16 = 365;

#[cfg(test)]
mod tests;
