-- +goose Up
-- answers to POSTs that were sent with an Idempotency-Key, for a day
CREATE TABLE call (
  person  TEXT NOT NULL, -- who asked: a person's or a token's id
  key     TEXT NOT NULL, -- as sent
  request BLOB NOT NULL, -- SHA-256 of method, path and body
  status  INTEGER NOT NULL, -- 0: it is being answered
  header  TEXT NOT NULL DEFAULT '', -- JSON of the headers that count
  body    BLOB,
  at      INTEGER NOT NULL,
  PRIMARY KEY (person, key)
) STRICT;
CREATE INDEX call_at ON call (at);

-- +goose Down
DROP TABLE call;
