-- Who may write to a room and read it: from `join-room` to `leave-room`.
CREATE TABLE members (
    room_id TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id)
);

CREATE TABLE messages (
    id TEXT PRIMARY KEY NOT NULL, -- UUID v7: sorts by time
    room_id TEXT NOT NULL,
    sender_id BIGINT NOT NULL,
    content TEXT NOT NULL,
    created_at TEXT NOT NULL,
    client_id TEXT -- the sender's own name for the message, if it gave one
);

CREATE INDEX messages_by_room ON messages (room_id, id);

-- One message per name. Messages without one (NULL) are all distinct.
CREATE UNIQUE INDEX messages_by_client_id ON messages (room_id, sender_id, client_id);
