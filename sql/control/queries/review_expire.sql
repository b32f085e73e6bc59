-- forgets reviews from before a moment: their drafts lapsed
DELETE FROM review WHERE at < ?
