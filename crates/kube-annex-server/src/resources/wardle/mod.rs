//! `wardle.example.com`: what Go's sample-apiserver serves, with its defaults, conversions, texts and admission rule.

mod ban_flunder;
pub mod v1alpha1;
pub mod v1beta1;

pub use ban_flunder::BanFlunder;
