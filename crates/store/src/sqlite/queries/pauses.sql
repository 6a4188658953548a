SELECT
    location,
    until
FROM pauses
ORDER BY location
