-- Schema 1. Times are milliseconds since 1970-01-01 UTC. Keys are raw Ed25519 public keys.

CREATE TABLE user (
    name       TEXT    NOT NULL PRIMARY KEY,
    is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX one_default_user ON user (is_default) WHERE is_default = 1;

CREATE TABLE user_grant (
    user TEXT NOT NULL REFERENCES user (name) ON UPDATE CASCADE ON DELETE CASCADE,
    text TEXT NOT NULL,
    PRIMARY KEY (user, text)
) STRICT, WITHOUT ROWID;

-- Deleting a user that still has keys is refused by the reference: the keys must be revoked, and be told of, first.
CREATE TABLE enrolled_key (
    key            BLOB    NOT NULL PRIMARY KEY CHECK (length(key) = 32),
    user           TEXT    NOT NULL REFERENCES user (name) ON UPDATE CASCADE,
    label          TEXT    NOT NULL,
    enrolled_at_ms INTEGER NOT NULL,
    last_seen_ms   INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX enrolled_key_of_user ON enrolled_key (user);

CREATE TABLE contact (
    name        TEXT    NOT NULL PRIMARY KEY,
    added_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE contact_key (
    contact TEXT    NOT NULL REFERENCES contact (name) ON UPDATE CASCADE ON DELETE CASCADE,
    key     BLOB    NOT NULL CHECK (length(key) = 32),
    rank    INTEGER NOT NULL,
    PRIMARY KEY (contact, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX contact_with_key ON contact_key (key);

CREATE TABLE contact_address (
    contact TEXT    NOT NULL REFERENCES contact (name) ON UPDATE CASCADE ON DELETE CASCADE,
    rank    INTEGER NOT NULL,
    address TEXT    NOT NULL,
    PRIMARY KEY (contact, rank)
) STRICT, WITHOUT ROWID;

CREATE TABLE code (
    number        INTEGER NOT NULL PRIMARY KEY CHECK (number BETWEEN 1 AND 999),
    secret        TEXT    NOT NULL,
    user          TEXT    NOT NULL REFERENCES user (name) ON UPDATE CASCADE ON DELETE CASCADE,
    expires_at_ms INTEGER NOT NULL,
    breaks        INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What has happened here at least once; nothing is ever taken out.
CREATE TABLE once (
    what TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What the processes of one home tell each other. Numbers are never used twice, so a reader knows where it stopped.
CREATE TABLE event (
    id     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind   TEXT    NOT NULL,
    number INTEGER,
    key    BLOB CHECK (length(key) = 32)
) STRICT;

INSERT INTO user (name, is_default) VALUES ('friends', 1);
INSERT INTO user_grant (user, text) VALUES ('friends', 'files:read /'), ('friends', 'files:write /');
