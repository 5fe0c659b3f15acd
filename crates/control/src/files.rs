//! Files of the machine, read within bounds.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::io::Read;
use std::path::Path;

/// Reads a file that must not be longer than a bound.
///
/// # Errors
/// It cannot be read, or is longer.
pub fn read_bounded(path: &Path, bytes_max: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        let message = format!("it is longer than {bytes_max} bytes");
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Reads the certificates of a PEM file.
///
/// # Errors
/// It cannot be read, or holds none.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file)
        .map_err(|error| format!("`{}`: {error}", file.display()))?
        .collect();
    match found {
        Ok(found) if found.is_empty() => Err(format!("`{}` holds no certificate", file.display())),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("`{}`: {error}", file.display())),
    }
}
