-- +goose Up
-- sealed files that come, or wait in the inbox to be loaded; what became of those that are gone is kept for a while
CREATE TABLE upload (
  id          TEXT PRIMARY KEY, -- and its file's name in the inbox
  party       TEXT NOT NULL,
  person      TEXT NOT NULL,
  entrustment TEXT NOT NULL, -- @base: the operator's own data
  name        TEXT NOT NULL, -- of a list; @base, @events
  size        INTEGER NOT NULL, -- bytes, declared
  state       TEXT NOT NULL, -- open, complete; loaded, expired, lost
  created     INTEGER NOT NULL,
  completed   INTEGER NOT NULL DEFAULT 0,
  ended       INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX upload_party ON upload (party, id);
CREATE INDEX upload_held ON upload (party, size) WHERE ended = 0;
CREATE INDEX upload_ended ON upload (ended);

-- +goose Down
DROP TABLE upload;
