-- a conversion divided by them: one of those left to each of the greatest rests, of equal
-- ones to the first; it stays on the server
arrayMap((touch, own, below) -> (touch, own + if(arrayCount((t, r) -> r > below OR r = below AND t < touch, {places}, rest) < spare, toInt64(1), toInt64(0))), {places}, whole, rest)
