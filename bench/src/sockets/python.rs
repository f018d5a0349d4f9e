//! The scripts: servers as they are written in Python, each of which says its port.

/// Echo of streams with asyncio's protocols, its fastest way.
pub(super) const ASYNCIO_ECHO: &str = "
import asyncio, resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(data)
async def main():
    server = await asyncio.get_running_loop().create_server(Echo, '127.0.0.1', 0, backlog=1024)
    print('port', server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
";

/// The time by datagrams, as a tutorial's server gives it.
pub(super) const UDP_TIME: &str = "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 0))
print('port', s.getsockname()[1], flush=True)
while True:
    data, peer = s.recvfrom(1024)
    s.sendto(time.strftime(data.decode()).encode(), peer)
";
