//! The server's side of SCRAM (RFC 5802), written for these tests alone: what proves itself to our client shares no code
//! with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

/// Rounds of hashing, the fewest that Kafka allows.
const ROUNDS: std::num::NonZeroU32 = std::num::NonZeroU32::new(4096).expect("it is not zero");

/// The hash in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), message)
            .as_ref()
            .to_vec()
    }

    fn salted(self, password: &str, salt: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        };
        let mut salted = vec![0; self.digest().output_len()];
        pbkdf2::derive(algorithm, ROUNDS, salt, password.as_bytes(), &mut salted);
        salted
    }
}

/// An exchange whose first half is done.
#[derive(Debug)]
pub(crate) struct Challenged {
    hash: Hash,
    pub(crate) user: String,
    salt: Vec<u8>,
    nonce: String,
    /// Both first messages, as the proofs are made over them.
    transcript: String,
}

/// Reads the client's first message and gives the challenge.
pub(crate) fn challenge(hash: Hash, first: &[u8]) -> Option<(Challenged, String)> {
    let first = std::str::from_utf8(first).ok()?;
    // As Kafka: no channel binding, and no other authority than the user's own.
    let bare = first.strip_prefix("n,,")?;
    let user = value(bare, "n=")?.replace("=2C", ",").replace("=3D", "=");
    let nonce = format!("{}{}", value(bare, "r=")?, BASE64.encode(random::<18>()?));
    let salt = random::<16>()?.to_vec();
    let ours = format!("r={nonce},s={},i={ROUNDS}", BASE64.encode(&salt));
    let challenged = Challenged {
        hash,
        user,
        salt,
        nonce,
        transcript: format!("{bare},{ours}"),
    };
    Some((challenged, ours))
}

impl Challenged {
    /// Checks the client's proof, and gives ours.
    pub(crate) fn prove(&self, password: &str, last: &[u8]) -> Option<String> {
        let last = std::str::from_utf8(last).ok()?;
        let (without_proof, proof) = last.rsplit_once(",p=")?;
        if value(without_proof, "c=")? != BASE64.encode("n,,") || value(without_proof, "r=")? != self.nonce {
            return None;
        }
        let transcript = format!("{},{without_proof}", self.transcript);
        let salted = self.hash.salted(password, &self.salt);
        let client_key = self.hash.hmac(&salted, b"Client Key");
        let stored_key = digest::digest(self.hash.digest(), &client_key);
        let signature = self.hash.hmac(stored_key.as_ref(), transcript.as_bytes());
        let expected: Vec<u8> = client_key
            .iter()
            .zip(&signature)
            .map(|(key, signed)| key ^ signed)
            .collect();
        if BASE64.decode(proof).ok()? != expected {
            return None;
        }
        let server_key = self.hash.hmac(&salted, b"Server Key");
        let ours = self.hash.hmac(&server_key, transcript.as_bytes());
        Some(format!("v={}", BASE64.encode(ours)))
    }
}

/// The value of an attribute such as `r=`.
fn value<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.split(',').find_map(|part| part.strip_prefix(name))
}

fn random<const BYTES: usize>() -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_example_of_rfc_7677_is_proven() {
        let challenged = Challenged {
            hash: Hash::Sha256,
            user: "user".to_owned(),
            salt: BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap(),
            nonce: "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".to_owned(),
            transcript: "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                         s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
                .to_owned(),
        };
        let last = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                     p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(
            challenged.prove("pencil", last).unwrap(),
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
        assert_eq!(challenged.prove("pen", last), None);
    }

    #[test]
    fn what_is_no_first_message_gets_no_challenge() {
        for first in ["", "n,,", "p=tls-unique,,n=a,r=b", "n,,n=a", "y,,n=a,r=b"] {
            assert!(challenge(Hash::Sha512, first.as_bytes()).is_none(), "{first}");
        }
        let (challenged, _) = challenge(Hash::Sha512, b"n,,n=a=2Cb=3D,r=x").unwrap();
        assert_eq!(challenged.user, "a,b=");
    }
}
