-- Schema 3. Passwords: a record for each user who has one, and the secret without which no record tests a guess.

ALTER TABLE user ADD COLUMN password BLOB;

CREATE TABLE secret (
    what  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
