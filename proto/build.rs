//! Compiles the schema with protox (pure Rust: no protoc needed) into prost types.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=schema/dashstream.proto");
    let descriptors = protox::compile(["dashstream.proto"], ["schema"])?;
    prost_build::Config::new()
        // Ordered maps make encoded messages reproducible.
        .btree_map(["."])
        .compile_fds(descriptors)?;
    Ok(())
}
