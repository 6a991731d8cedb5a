"""`python -m tests.live.delay SECONDS PORT:HOST:PORT …`: a far-away network, for kernels without netem.

Listens on loopback and passes each chunk on after SECONDS, in both directions, in order: a question and its answer
take twice as long. As with a long cable, chunks under way don't hold up those behind them.
"""

from __future__ import annotations

import asyncio
import sys


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, after_s: float) -> None:
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        chunk = b"first"
        while chunk:
            due, chunk = await under_way.get()
            await asyncio.sleep(due - loop.time())
            writer.write(chunk)
            await writer.drain()
        writer.close()

    async def take() -> None:
        chunk = b"first"
        while chunk:
            chunk = await reader.read(65536)
            under_way.put_nowait((loop.time() + after_s, chunk))

    try:
        await asyncio.gather(take(), deliver())
    except OSError:
        writer.close()


async def _serve(after_s: float, routes: list[str]) -> None:
    async def listen(route: str) -> asyncio.Server:
        port, host, port_there = route.split(":")

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            reader_there, writer_there = await asyncio.open_connection(host, int(port_there))
            await asyncio.gather(_pass_on(reader, writer_there, after_s), _pass_on(reader_there, writer, after_s))

        return await asyncio.start_server(accept, "127.0.0.1", int(port))

    servers = [await listen(route) for route in routes]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]), sys.argv[2:]))
