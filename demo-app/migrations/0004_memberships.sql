-- How many rooms each user is a member of. Who joins or leaves has the row until it has committed, so
-- that nobody gets past the limit by joining many rooms at once.
CREATE TABLE memberships (
    user_id BIGINT PRIMARY KEY NOT NULL,
    rooms BIGINT NOT NULL
);

INSERT INTO memberships (user_id, rooms) SELECT user_id, COUNT(*) FROM members GROUP BY user_id;
