-- which kinds a person wants by mail; the person alone sees it
SELECT kinds FROM notice_mail WHERE person = ?
