//! Unix socket that the hub creates, and removes at its end.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net,
    },
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;

/// Listens on a Unix socket, whose file has this mode from its first connection on.
///
/// Replaces a socket on which no server listens. The file is removed when the returned [`SocketFile`] is dropped.
pub(crate) fn listen(path: &Path, mode: u32, backlog: u32) -> Result<(UnixListener, SocketFile)> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let metadata = fs::symlink_metadata(path)?;
    let file = SocketFile {
        path: path.to_owned(),
        id: (metadata.dev(), metadata.ino()),
    };
    // No client can connect before `listen`.
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).context("cannot set the mode")?;
    socket.listen(backlog.try_into()?)?;
    socket.set_nonblocking(true)?;
    Ok((
        UnixListener::from_std(net::UnixListener::from(socket))?,
        file,
    ))
}

/// Removes a socket that a server has left over. It is an error if the path is in use.
fn remove_stale(path: &Path) -> Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if !metadata.file_type().is_socket() {
        bail!("the file exists, and is not a socket");
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A server that is busy does not accept connections at once.
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).context("cannot remove the socket of a server that has ended")
        }
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
            Err(error).context("a server may listen on it already")
        }
        _ => bail!("another server listens on it"),
    }
}

/// File of a Unix socket, which is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    id: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_own = |metadata: fs::Metadata| (metadata.dev(), metadata.ino()) == self.id;
        // Another server may have replaced the file.
        if fs::symlink_metadata(&self.path).is_ok_and(is_own)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the Unix socket");
        }
    }
}

/// Parses the octal mode of a file, such as `660` or `0660`.
pub(crate) fn parse_mode(text: &str) -> Result<u32, String> {
    let is_octal = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    match u32::from_str_radix(text, 8) {
        Ok(mode @ ..=0o777) if is_octal => Ok(mode),
        _ => Err("expected an octal mode of at most 777, such as 660".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_octal() {
        assert_eq!(parse_mode("660"), Ok(0o660));
        assert_eq!(parse_mode("0600"), Ok(0o600));
        for text in ["", "+660", "680", "1777", "rw", "-1"] {
            assert!(parse_mode(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        // Dropping a listener of the standard library leaves its file.
        drop(net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let (listener, file) = listen(&path, 0o600, 16).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let error = listen(&path, 0o600, 16).unwrap_err();
        assert_eq!(error.to_string(), "another server listens on it");
        drop((listener, file));
        assert!(!path.exists());

        fs::write(&path, "data").unwrap();
        let error = listen(&path, 0o600, 16).unwrap_err();
        assert_eq!(error.to_string(), "the file exists, and is not a socket");
        assert_eq!(fs::read(&path).unwrap(), b"data");
    }

    #[tokio::test]
    async fn the_socket_of_another_server_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let (listener, file) = listen(&path, 0o600, 16).unwrap();
        fs::rename(&path, directory.path().join("old")).unwrap();
        let _other = net::UnixListener::bind(&path).unwrap();
        drop((listener, file));
        assert!(path.exists());
    }

    #[tokio::test]
    async fn a_socket_with_a_full_queue_is_live() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let _listening = listen(&path, 0o600, 1).unwrap();
        let mut connections = Vec::new();
        loop {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            match socket.connect(&SockAddr::unix(&path).unwrap()) {
                Ok(()) => connections.push(socket),
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    break;
                }
            }
        }
        let error = listen(&path, 0o600, 16).unwrap_err();
        assert_eq!(error.to_string(), "another server listens on it");
    }
}
