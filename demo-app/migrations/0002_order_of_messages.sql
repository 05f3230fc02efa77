-- The newest message of each room. Who writes to a room has the row until it has committed, so that
-- ids become visible in their order.
CREATE TABLE rooms (
    id TEXT PRIMARY KEY NOT NULL,
    newest TEXT NOT NULL
);

INSERT INTO rooms (id, newest) SELECT room_id, MAX(id) FROM messages GROUP BY room_id;
