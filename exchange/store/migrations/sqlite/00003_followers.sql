-- +goose Up
-- One process at a time reads the record for a follower: whoever holds its
-- lease. A process that died loses it when its time is up.
ALTER TABLE follower ADD COLUMN holder TEXT NOT NULL DEFAULT '';
ALTER TABLE follower ADD COLUMN leased_until INTEGER NOT NULL DEFAULT 0;
