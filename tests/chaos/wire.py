"""A few words of Kafka's own protocol, for meddling with a group from outside: who is a member, and sending one away. The
group's coordinator takes a LeaveGroup from anybody who knows the member's id, so a member can be made to lose its
partitions at any moment, without a time-out, and may join again at once."""
import socket
import struct

LEAVE_GROUP, DESCRIBE_GROUPS = 13, 15


def text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return values[0]

    def text(self):
        size = self.take(">h")
        self.at += max(size, 0)
        return self.data[self.at - size:self.at].decode() if size >= 0 else None

    def skip_bytes(self):
        size = self.take(">i")
        self.at += max(size, 0)


def ask(address, api, body):
    """Both requests in version 0: a header with the client's name, no tags."""
    host, _, port = address.split(",")[0].rpartition(":")
    request = struct.pack(">hhi", api, 0, 7) + text("chaos") + body
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.settimeout(10)
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = connection.makefile("rb")
        size = struct.unpack(">i", answer.read(4))[0]
        data = answer.read(size)
    if len(data) != size:
        raise OSError("the broker's answer breaks off")
    reader = Reader(data)
    reader.take(">i")  # which request it answers
    return reader


def members(address, group):
    """client id -> member id."""
    reader = ask(address, DESCRIBE_GROUPS, struct.pack(">i", 1) + text(group))
    found = {}
    for _ in range(reader.take(">i")):
        code = reader.take(">h")
        for _ in range(4):  # group, state, protocol type, protocol
            reader.text()
        for _ in range(reader.take(">i")):
            member, client = reader.text(), reader.text()
            reader.text()  # its host
            reader.skip_bytes()
            reader.skip_bytes()
            found[client] = member
        if code:
            raise OSError(f"the group cannot be described: error {code}")
    return found


def send_away(address, group, member):
    """The member's next heartbeat is answered with 'unknown member'."""
    return ask(address, LEAVE_GROUP, text(group) + text(member)).take(">h") == 0
