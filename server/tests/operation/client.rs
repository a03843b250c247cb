//! A client that sees each byte: what an ordinary one hides is what these tests are about.

use socket2::{Domain, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

/// Long enough for any server that answers at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to a server.
pub struct Client(TcpStream);

/// An answer, read to the end of its body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect(address)?)
    }

    /// Connects from an address of this machine.
    pub fn connect_from(source: IpAddr, address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(source, 0).into())?;
        socket.connect(&address.into())?;
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.write_all(bytes.as_ref())
    }

    /// Sends a GET with further header lines, and reads the answer.
    pub fn get(&mut self, path: &str, headers: &[&str]) -> io::Result<Answer> {
        let mut request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n");
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        self.send(request + "\r\n")?;
        self.answer()
    }

    /// Sends a POST, and reads the answer.
    pub fn post(&mut self, path: &str, content_type: &str, body: &[u8]) -> io::Result<Answer> {
        self.send_post(path, content_type, body)?;
        self.answer()
    }

    /// Sends a POST.
    pub fn send_post(&mut self, path: &str, content_type: &str, body: &[u8]) -> io::Result<()> {
        let length = body.len();
        self.send(format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
        ))?;
        self.send(body)
    }

    /// Whether an answer has begun to come.
    pub fn has_answered(&mut self) -> io::Result<bool> {
        self.0.set_nonblocking(true)?;
        let begun = match self.0.peek(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            peeked => peeked.map(|_| true),
        };
        self.0.set_nonblocking(false)?;
        begun
    }

    pub fn answer(&mut self) -> io::Result<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).map_err(io::Error::other)?;
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let mut answer = Answer {
            status: status.ok_or_else(|| io::Error::other(head.clone()))?,
            head,
            body: Vec::new(),
        };
        match answer.header("content-length").map(str::parse) {
            Some(Ok(length)) => {
                answer.body.resize(length, 0);
                self.0.read_exact(&mut answer.body)?;
            }
            _ if answer.header("transfer-encoding").is_some() => {
                self.read_chunks(&mut answer.body)?
            }
            _ => {}
        }
        Ok(answer)
    }

    fn read_chunks(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        while !body.ends_with(b"0\r\n\r\n") {
            let mut part = [0; 4096];
            match self.0.read(&mut part)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => body.extend_from_slice(&part[..count]),
            }
        }
        Ok(())
    }

    /// Reads until the server closes the connection.
    pub fn until_closed(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("{error}"),
        }
        rest
    }
}

/// One GET on a connection of its own.
pub fn get(address: SocketAddr, path: &str) -> Answer {
    Client::connect(address).unwrap().get(path, &[]).unwrap()
}
