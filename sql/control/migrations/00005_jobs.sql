-- +goose Up
-- what takes longer than who asked wants to wait; the queue of River, whose tables its own migrations make, drives it
CREATE TABLE job (
  id       TEXT PRIMARY KEY,
  party    TEXT NOT NULL, -- who asked; '': the room itself
  person   TEXT NOT NULL,
  kind     TEXT NOT NULL,
  subject  TEXT NOT NULL, -- JSON, by kind
  upload   TEXT NOT NULL DEFAULT '', -- the upload that it loads
  once     TEXT UNIQUE, -- what is done once in all: a run of a schedule
  state    TEXT NOT NULL,
  read     INTEGER NOT NULL DEFAULT 0,
  whole    INTEGER NOT NULL DEFAULT 0,
  result   TEXT, -- JSON, by kind
  reason   TEXT, -- JSON of a refusal
  canceled INTEGER NOT NULL DEFAULT 0, -- its cancelling was asked
  faults   INTEGER NOT NULL DEFAULT 0, -- attempts that broke
  version  INTEGER NOT NULL DEFAULT 1, -- grows with each change
  created  INTEGER NOT NULL,
  started  INTEGER NOT NULL DEFAULT 0,
  ended    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX job_party ON job (party, id);
CREATE INDEX job_ended ON job (ended);
CREATE INDEX job_open ON job (party) WHERE ended = 0;
-- an upload is loaded by one job at a time
CREATE UNIQUE INDEX job_upload ON job (upload) WHERE upload <> '' AND ended = 0;

-- +goose Down
DROP TABLE job;
