//! Everything in memory: the reference backend. Nothing survives the process.
