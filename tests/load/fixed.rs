//! A server of one answer, over the same sockets and TLS as the real one: the most that it could reach.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use kube_annex_runtime::authn::{Trust, TrustStore};
use kube_annex_runtime::serve::{ServeOptions, Shutdown, TlsHandle, TlsOptions, bind, serve};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The port to listen on.
    #[arg(long)]
    port: u16,
    /// Its certificate, PEM.
    #[arg(long)]
    certificate: PathBuf,
    /// The key of that, PEM.
    #[arg(long)]
    key: PathBuf,
    /// Bytes of the answer.
    #[arg(long)]
    size: usize,
    /// Write frame by frame.
    #[arg(long)]
    uncoalesced: bool,
}

pub(crate) async fn run(args: &Args) -> Result<()> {
    let trust = TrustStore::new(Trust::default());
    let tls = TlsHandle::from_files(&args.certificate, &args.key, trust, TlsOptions::default()).await?;
    let listener = bind(IpAddr::V4(Ipv4Addr::LOCALHOST), args.port)?;
    let body = Bytes::from(vec![b'x'; args.size]);
    let answer = tower::service_fn(move |_| {
        let body = Full::new(body.clone());
        std::future::ready(Ok::<_, Infallible>(Response::new(body)))
    });
    let options = ServeOptions { coalesce_writes: !args.uncoalesced, ..ServeOptions::default() };
    serve(listener, tls, answer, Shutdown::new(), options).await.context("cannot serve")
}
