//! Private keys in all the wrappings that are found in the field.

use pkcs8::{EncryptedPrivateKeyInfo, SecretDocument};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::secret::Secret;

/// The wrapping of a key that a password opens.
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

/// Reads the first private key of a PEM text: PKCS#8, PKCS#1, SEC1, or PKCS#8 that the password opens.
///
/// # Errors
/// What is wrong with it and what to do; never a part of the key or the password.
pub(super) fn read(pem: &str, password: Option<&Secret>) -> Result<PrivateKeyDer<'static>, String> {
    let begin = format!("-----BEGIN {ENCRYPTED}-----");
    let end = format!("-----END {ENCRYPTED}-----");
    if let Some(from) = pem.find(&begin) {
        let length = pem[from..]
            .find(&end)
            .ok_or_else(|| format!("it has no line {end:?}"))?;
        return decrypt(&pem[from..from + length + end.len()], password);
    }
    if pem.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(
            "it is encrypted in the old way of OpenSSL; convert it with `openssl pkcs8 -topk8 -v2 aes256`"
                .to_owned(),
        );
    }
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| {
        "it has no private key in PEM of the kinds PKCS#8, PKCS#1 or SEC1; convert it with `openssl pkcs8 -topk8 -nocrypt`"
            .to_owned()
    })
}

fn decrypt(pem: &str, password: Option<&Secret>) -> Result<PrivateKeyDer<'static>, String> {
    let password = password.ok_or("it is encrypted: set KAFKA_SSL_KEY_PASSWORD")?;
    let malformed = |error: &dyn std::fmt::Display| format!("its encrypted key is malformed: {error}");
    let (_, document) = SecretDocument::from_pem(pem).map_err(|error| malformed(&error))?;
    let wrapped =
        EncryptedPrivateKeyInfo::try_from(document.as_bytes()).map_err(|error| malformed(&error))?;
    let key = wrapped.decrypt(password.expose()).map_err(|_| {
        "KAFKA_SSL_KEY_PASSWORD does not open it, or it is encrypted by other means than PBES2 with AES; for the \
         latter convert it with `openssl pkcs8 -topk8 -v2 aes256`"
    })?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}
