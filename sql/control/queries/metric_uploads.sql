-- bytes of sealed files as declared, that come or wait to be loaded, of all parties together, for the operator's metrics
SELECT '', '', COALESCE(SUM(size), 0) FROM upload WHERE ended = 0
