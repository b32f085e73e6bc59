-- +goose Up
-- the accounts that a room to rehearse in began with, which are entered without a password
CREATE TABLE practice (
  person TEXT PRIMARY KEY REFERENCES person ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE practice;
