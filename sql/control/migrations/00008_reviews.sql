-- +goose Up
-- who read a draft that waits for officers; nothing that leaves rests on it
CREATE TABLE review (
  draft  TEXT NOT NULL, -- hash of its statement: another document is another draft
  person TEXT NOT NULL REFERENCES person ON DELETE CASCADE,
  at     INTEGER NOT NULL,
  PRIMARY KEY (draft, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX review_person ON review (person);
CREATE INDEX review_at ON review (at);

-- +goose Down
DROP TABLE review;
