-- +goose Up
-- released tables; a row belongs to the party that received it, whoever asked
CREATE TABLE report (
  id          TEXT PRIMARY KEY,
  party       TEXT NOT NULL, -- the recipient
  entrustment TEXT NOT NULL,
  version     INTEGER NOT NULL, -- of the entrustment
  kind        TEXT NOT NULL,
  list        TEXT NOT NULL,
  list_version INTEGER NOT NULL,
  question    TEXT NOT NULL, -- JSON, canonical
  digest      TEXT NOT NULL, -- SHA-256 of the release, hex: the name of its file
  asked_by    TEXT NOT NULL, -- party
  person      TEXT NOT NULL, -- '': a schedule
  job         TEXT NOT NULL,
  schedule    TEXT NOT NULL DEFAULT '',
  created     INTEGER NOT NULL,
  released    INTEGER NOT NULL,
  until       INTEGER NOT NULL, -- how long the contract keeps it
  UNIQUE (party, digest)
) STRICT;
CREATE INDEX report_party ON report (party, id);
CREATE INDEX report_until ON report (until);

-- questions that are asked again and again, at times of Japan
CREATE TABLE schedule (
  id          TEXT PRIMARY KEY,
  party       TEXT NOT NULL,
  person      TEXT NOT NULL,
  name        TEXT NOT NULL,
  entrustment TEXT NOT NULL,
  question    TEXT NOT NULL, -- JSON
  days        INTEGER NOT NULL, -- of the window, up to the day before a run; 0: the question's own
  cron        TEXT NOT NULL, -- five fields, Japan's time
  formats     TEXT NOT NULL, -- JSON
  state       TEXT NOT NULL, -- active | paused
  reason      TEXT, -- JSON of a refusal: why it is paused
  next        INTEGER NOT NULL,
  last        INTEGER NOT NULL DEFAULT 0,
  job         TEXT NOT NULL DEFAULT '', -- of the last run
  version     INTEGER NOT NULL DEFAULT 1,
  created     INTEGER NOT NULL,
  UNIQUE (party, name)
) STRICT;
CREATE INDEX schedule_next ON schedule (state, next);

-- +goose Down
DROP TABLE schedule;
DROP TABLE report;
