-- What readiness probes write, to see whether anything can be written.
CREATE TABLE readiness (
    id BIGINT PRIMARY KEY NOT NULL,
    padding TEXT NOT NULL
);
