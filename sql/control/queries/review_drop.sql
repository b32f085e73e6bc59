-- a person takes back that they read a draft
DELETE FROM review WHERE draft = ? AND person = ?
