CREATE TABLE orders (
    id TEXT PRIMARY KEY NOT NULL, -- UUID v7
    user_id BIGINT NOT NULL,
    items TEXT NOT NULL, -- JSON
    status TEXT NOT NULL,
    created_at TEXT NOT NULL
);

-- The number of each user's newest update. Who adds one has the row until it has committed, so that
-- numbers become visible in their order, and nobody who reads on from one passes over another.
CREATE TABLE order_feeds (
    user_id BIGINT PRIMARY KEY NOT NULL,
    newest BIGINT NOT NULL
);

-- What users are told of their orders: the outbox, and once settled the history.
CREATE TABLE order_updates (
    user_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    order_id TEXT NOT NULL REFERENCES orders (id),
    status TEXT NOT NULL,
    settled_at TEXT, -- when a device of the user acknowledged it
    PRIMARY KEY (user_id, number)
);

CREATE INDEX order_updates_unsettled ON order_updates (user_id, number) WHERE settled_at IS NULL;
