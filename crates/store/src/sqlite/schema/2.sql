-- Schema 2. Users beside the first one: whether a folder of their own is theirs, whether it was made for this user and not for one before him,
-- and how many bytes it may hold (NULL: any number).

ALTER TABLE user ADD COLUMN has_home INTEGER NOT NULL DEFAULT 0 CHECK (has_home IN (0, 1));
ALTER TABLE user ADD COLUMN home_made INTEGER NOT NULL DEFAULT 0 CHECK (home_made IN (0, 1));
ALTER TABLE user ADD COLUMN quota INTEGER CHECK (quota >= 0);
