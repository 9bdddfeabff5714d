#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_sqlite.sh MOTE PROGRAMS: SQLite's shell over granted database files, as a guest and as a
# process; afterwards the host reads them with its own SQLite.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=same.sh
. "$here/same.sh"
sqlite=$programs/sqlite3
host_sqlite=/usr/bin/sqlite3
[ -x $host_sqlite ] || { echo "there is no $host_sqlite; run: apt-get install sqlite3" >&2; exit 2; }

# host_reads FILE SQL WANTED: what the host's own SQLite finds in a file of the guest
host_reads() {
    what="the host reads $1: $2"
    checks=$((checks + 1))
    local found
    found=$($host_sqlite "$guest/$1" "$2" 2>&1)
    [ "$found" = "$3" ] || failed "found '$found' instead of '$3'"
}

# ---- a database of words, made by the host ------------------------------------------
tr -cs 'A-Za-z' '\n' </usr/share/common-licenses/GPL-3 | awk 'NF { print NR "," tolower($0) }' >"$scratch/words.csv"
$host_sqlite "$native/words.db" "CREATE TABLE word(place INTEGER PRIMARY KEY, text TEXT);" ".mode csv" \
    ".import $scratch/words.csv word" "CREATE INDEX by_text ON word(text);" >"$scratch/made" 2>&1 ||
    { cat "$scratch/made" >&2; exit 2; }
cp -a "$native/." "$guest"

# ---- reading ----------------------------------------------------------------------------
grant=(--dir-ro "$guest::/")
works "$sqlite" -readonly words.db 'SELECT count(*), count(DISTINCT text), max(length(text)) FROM word'
works "$sqlite" -readonly words.db 'SELECT text, count(*) AS n FROM word GROUP BY text ORDER BY n DESC, text LIMIT 25'
works "$sqlite" -readonly -header -column words.db \
    'SELECT a.text, b.text, count(*) AS n FROM word a JOIN word b ON b.place = a.place + 1
     GROUP BY 1, 2 HAVING n > 5 ORDER BY n DESC, 1, 2'
works "$sqlite" -readonly -json words.db \
    'WITH RECURSIVE f(n, a, b) AS (SELECT 1, 0, 1 UNION ALL SELECT n + 1, b, a + b FROM f WHERE n < 50)
     SELECT n, a, sum(a) OVER (ORDER BY n) AS total FROM f'
works "$sqlite" -readonly words.db 'PRAGMA integrity_check' '.schema' '.tables' '.indexes'
works "$sqlite" -readonly words.db \
    'SELECT printf("%.15g", avg(place)), round(sqrt(sum(place)), 6), upper(hex(zeroblob(4))), typeof(1e3) FROM word'
works "$sqlite" -readonly words.db 'EXPLAIN QUERY PLAN SELECT * FROM word WHERE text = "free"'
works "$sqlite" -readonly words.db .dump
same "$sqlite" -readonly words.db 'DELETE FROM word'
same "$sqlite" -readonly words.db 'SELECT nothing FROM word'
same "$sqlite" -readonly missing.db 'SELECT 1'
refused 'readonly database' "$sqlite" words.db 'DELETE FROM word'
same_files

# ---- writing ----------------------------------------------------------------------------
grant=(--dir "$guest::/")
works "$sqlite" new.db "
    CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE book(id INTEGER PRIMARY KEY, author REFERENCES author, title TEXT, price REAL CHECK(price >= 0));
    CREATE INDEX by_author ON book(author);
    CREATE TRIGGER no_empty BEFORE INSERT ON book WHEN new.title = ''
        BEGIN SELECT raise(ABORT, 'a book has a title'); END;
    CREATE VIEW shelf AS SELECT name, title, price FROM book JOIN author ON author.id = book.author;
    BEGIN;
    INSERT INTO author(name) VALUES ('Ada'), ('Grace'), ('Barbara');
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
        INSERT INTO book(author, title, price) SELECT i % 3 + 1, 'volume ' || i, i * 0.25 FROM n;
    COMMIT;"
works "$sqlite" new.db 'SELECT name, count(*), total(price), group_concat(title, "|") FROM shelf
    WHERE price < 10 GROUP BY name ORDER BY name'
works "$sqlite" new.db 'BEGIN; DELETE FROM book; SELECT count(*) FROM book; ROLLBACK; SELECT count(*) FROM book'
same "$sqlite" new.db "INSERT INTO book(title) VALUES ('')"
same "$sqlite" new.db "INSERT INTO author(name) VALUES ('Ada')"
works "$sqlite" new.db 'UPDATE book SET price = price * 2 WHERE id % 2; DELETE FROM book WHERE id > 4000; VACUUM'
works "$sqlite" new.db "VACUUM INTO 'copy.db'" 'PRAGMA integrity_check' 'PRAGMA foreign_key_check'
works "$sqlite" new.db "ATTACH 'words.db' AS w; CREATE TABLE kept AS SELECT text, count(*) AS n FROM w.word GROUP BY text"
works "$sqlite" new.db "CREATE VIRTUAL TABLE search USING fts5(text); INSERT INTO search SELECT text FROM kept;
    SELECT count(*), min(text) FROM search WHERE search MATCH 'free*'"
works "$sqlite" new.db 'PRAGMA locking_mode = exclusive; PRAGMA journal_mode = truncate; UPDATE kept SET n = n + 1'
works "$sqlite" new.db '.output copy.sql' .dump
input=$native/copy.sql
works "$sqlite" restored.db
input=/dev/null
works "$sqlite" restored.db 'SELECT count(*), sum(n) FROM kept'
same_files

# ---- the host afterwards ------------------------------------------------------------------
host_reads new.db 'PRAGMA integrity_check' ok
host_reads copy.db 'PRAGMA integrity_check' ok
host_reads copy.db "SELECT count(*), sum(price) FROM book" \
    "$($host_sqlite "$native/copy.db" 'SELECT count(*), sum(price) FROM book')"
host_reads restored.db 'SELECT count(*) FROM author' 3
ends sqlite
