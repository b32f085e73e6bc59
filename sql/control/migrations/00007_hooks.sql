-- +goose Up
-- what was told: ids and words
CREATE TABLE event (
  id      TEXT PRIMARY KEY, -- the webhook-id, too
  party   TEXT NOT NULL,
  kind    TEXT NOT NULL,
  subject TEXT NOT NULL,
  data    TEXT NOT NULL, -- JSON object of words; '': none
  body    BLOB NOT NULL, -- what webhooks are sent
  at      INTEGER NOT NULL
) STRICT;
CREATE INDEX event_at ON event (at);

-- the inbox: a person's own
CREATE TABLE notice (
  id     TEXT PRIMARY KEY,
  person TEXT NOT NULL REFERENCES person ON DELETE CASCADE,
  event  TEXT NOT NULL REFERENCES event ON DELETE CASCADE,
  read   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX notice_person ON notice (person);
CREATE INDEX notice_unread ON notice (person) WHERE read = 0;
CREATE INDEX notice_event ON notice (event);

-- which kinds a person wants by mail; no row: none
CREATE TABLE notice_mail (
  person TEXT PRIMARY KEY,
  kinds  TEXT NOT NULL -- JSON array
) STRICT;

CREATE TABLE webhook (
  id          TEXT PRIMARY KEY,
  party       TEXT NOT NULL,
  url         TEXT NOT NULL,
  kinds       TEXT NOT NULL, -- JSON array; []: all
  description TEXT NOT NULL,
  enabled     INTEGER NOT NULL,
  why         TEXT NOT NULL DEFAULT '',
  failing     INTEGER NOT NULL DEFAULT 0, -- since when nothing was taken
  secret      BLOB NOT NULL, -- sealed under control.key
  old         BLOB, -- the one before, sealed
  old_until   INTEGER NOT NULL DEFAULT 0,
  version     INTEGER NOT NULL DEFAULT 1, -- grows with each change by a person
  created     INTEGER NOT NULL,
  changed     INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_party ON webhook (party, id);

-- an event on its way to a webhook
CREATE TABLE delivery (
  id      TEXT PRIMARY KEY,
  webhook TEXT NOT NULL REFERENCES webhook ON DELETE CASCADE,
  event   TEXT NOT NULL REFERENCES event ON DELETE CASCADE,
  state   TEXT NOT NULL,
  tries   INTEGER NOT NULL DEFAULT 0,
  next    INTEGER NOT NULL, -- when it is tried
  job     TEXT NOT NULL, -- that drives it
  created INTEGER NOT NULL,
  ended   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX delivery_webhook ON delivery (webhook, id);
CREATE INDEX delivery_event ON delivery (event);
CREATE INDEX delivery_waits ON delivery (webhook, id) WHERE state = 'waiting';

-- what came of each sending; of an answer its status alone
CREATE TABLE delivery_try (
  delivery TEXT NOT NULL REFERENCES delivery ON DELETE CASCADE,
  at       INTEGER NOT NULL,
  status   INTEGER NOT NULL, -- 0: no answer
  fault    TEXT NOT NULL, -- '': it was taken
  took     INTEGER NOT NULL -- milliseconds
) STRICT;
CREATE INDEX delivery_try_of ON delivery_try (delivery);

-- +goose Down
DROP TABLE delivery_try;
DROP TABLE delivery;
DROP TABLE webhook;
DROP TABLE notice_mail;
DROP TABLE notice;
DROP TABLE event;
