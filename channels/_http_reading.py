"""Reads answers of HTTP/1.1 out of octets, however the network cuts them; it does no I/O."""

#: Answers of providers are a few hundred octets; what is larger than this is not one of theirs.
LARGEST_HEAD = 32 * 1024
LARGEST_BODY = 4 * 1024 * 1024


class Malformed(Exception):
    """What came is not HTTP/1.1, or larger than an answer."""


class Reading:
    """Reads one answer after another. After ``feed`` said True the answer stands in ``status``,
    ``headers`` (names in lower case) and ``body``, and ``keeps`` says whether another may follow on
    the same connection."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.keeps = True
        self._buffer = bytearray()
        self._body = bytearray()
        self._has_head = False
        self._left: int | None = None
        self._is_chunked = False

    @property
    def body(self) -> bytes:
        """The body as far as it came."""
        return bytes(self._body)

    @property
    def ends_with_connection(self) -> bool:
        """Whether an answer has begun that gives neither a length nor chunks: then it is complete
        when the other end closes."""
        return self._has_head and self._left is None and not self._is_chunked

    def feed(self, data: bytes) -> bool:
        """Takes octets in; True when they complete the answer. Raises ``Malformed``."""
        self._buffer += data
        while not self._has_head:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > LARGEST_HEAD:
                    raise Malformed
                return False
            head = bytes(self._buffer[:end])
            del self._buffer[: end + 4]
            self._read_head(head)
        is_complete = self._read_body()
        if not is_complete and len(self._body) + len(self._buffer) > LARGEST_BODY:
            raise Malformed
        if is_complete:
            self._has_head = False
            if self._buffer:  # more than was asked for
                self.keeps = False
                self._buffer.clear()
        return is_complete

    def _read_body(self) -> bool:
        if self._is_chunked:
            return self._read_chunks()
        if self._left is None:
            self._body += self._buffer
            self._buffer.clear()
            return False
        if len(self._buffer) < self._left:
            return False
        self._body += self._buffer[: self._left]
        del self._buffer[: self._left]
        return True

    def _read_head(self, head: bytes) -> None:
        first, _, rest = head.decode("latin-1").partition("\r\n")
        version, _, status = first.partition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0") or not status[:3].isdigit():
            raise Malformed
        code = int(status[:3])
        if 100 <= code < 200:
            return  # an interim answer; the real one follows
        headers: dict[str, str] = {}
        for line in rest.split("\r\n") if rest else ():
            name, colon, value = line.partition(":")
            if not colon:
                raise Malformed
            name, value = name.lower(), value.strip()
            if name == "content-length" and headers.get(name, value) != value:
                raise Malformed
            headers[name] = value
        self._has_head, self._body = True, bytearray()
        self.status, self.headers = code, headers
        wish = headers.get("connection", "").lower()
        self.keeps = wish != "close" if version == "HTTP/1.1" else wish == "keep-alive"
        self._is_chunked = False
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if code in (204, 304):
            self._left = 0
        elif coding is not None:
            if coding.lower() != "chunked":
                raise Malformed
            self._is_chunked, self._left = True, None
            # Both framings at once is how answers are smuggled: read it, never reuse the connection.
            self.keeps = self.keeps and length is None
        elif length is not None:
            if not (length.isascii() and length.isdigit()) or int(length) > LARGEST_BODY:
                raise Malformed
            self._left = int(length)
        else:
            self._left, self.keeps = None, False

    def _read_chunks(self) -> bool:
        """Move whole chunks from the buffer to the body; True after the last one and its trailers."""
        while True:
            if self._left is None:
                end = self._buffer.find(b"\r\n")
                if end < 0:
                    if len(self._buffer) > 1024:
                        raise Malformed
                    return False
                size = bytes(self._buffer[:end]).partition(b";")[0].strip()
                try:
                    self._left = int(size, 16)
                except ValueError:
                    raise Malformed from None
                if self._left < 0 or self._left > LARGEST_BODY:
                    raise Malformed
                if self._left > 0:
                    del self._buffer[: end + 2]
            if self._left == 0:
                return self._read_trailers()
            if len(self._buffer) < self._left + 2:
                return False
            if self._buffer[self._left : self._left + 2] != b"\r\n":
                raise Malformed
            self._body += self._buffer[: self._left]
            del self._buffer[: self._left + 2]
            self._left = None
            if len(self._body) > LARGEST_BODY:
                raise Malformed

    def _read_trailers(self) -> bool:
        """The buffer begins with the line of the last chunk; trailers are dropped."""
        line = self._buffer.find(b"\r\n")
        if self._buffer[line + 2 : line + 4] == b"\r\n":
            del self._buffer[: line + 4]
            return True
        end = self._buffer.find(b"\r\n\r\n", line + 2)
        if end < 0:
            if len(self._buffer) > LARGEST_HEAD:
                raise Malformed
            return False
        del self._buffer[: end + 4]
        return True
