-- what was answered under a key; the asker alone sees it
SELECT request, status, header, body, at FROM call WHERE person = ? AND key = ?
