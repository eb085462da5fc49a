-- Run as the owner of the tables, once. The application role reads under policies and writes by functions only.

-- Who acts, for whom, from where: of this transaction.
CREATE FUNCTION audit_about() RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    actor jsonb := nullif(current_setting('gridmap.actor', true), '')::jsonb;
    acting jsonb := nullif(current_setting('gridmap.acting', true), '')::jsonb;
BEGIN
    -- Without an actor somebody writes past GridMap: the database's own user is named.
    RETURN coalesce(acting, '{}') || jsonb_build_object(
        'actor', coalesce(actor ->> 'id', session_user::text),
        'role', coalesce(actor ->> 'role', 'database'),
        'territories', coalesce(actor -> 'territories', '["*"]'),
        'at', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'));
END $$;

-- The one entry of this transaction's writes.
CREATE FUNCTION audit_entry_id() RETURNS uuid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    entry text := nullif(current_setting('gridmap.entry', true), '');
BEGIN
    IF entry IS NULL THEN
        entry := gen_random_uuid()::text;
        PERFORM set_config('gridmap.entry', entry, true);
    END IF;
    RETURN entry::uuid;
END $$;

-- After each statement that writes to a watched table. The first argument is what its rows are called by, or empty;
-- the second a column that the server writes by itself, whose change alone is not noted.
CREATE FUNCTION audit_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    called text := nullif(TG_ARGV[0], '');
    found jsonb := jsonb_build_object('table', TG_TABLE_NAME, 'did', lower(TG_OP));
    counted bigint;
    low text;
    high text;
    keys jsonb;
    new_rows text := 'changed';
BEGIN
    -- What sealing adds here the sealed entry itself has the proofs of.
    IF TG_TABLE_NAME = 'audit_detail' AND TG_OP = 'INSERT' AND current_setting('gridmap.sealing', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND TG_ARGV[1] IS NOT NULL THEN
        new_rows := format('(SELECT * FROM changed WHERE to_jsonb(changed) - %1$L NOT IN '
                           '(SELECT to_jsonb(was) - %1$L FROM was)) AS changed', TG_ARGV[1]);
    END IF;
    IF called IS NOT NULL AND TG_OP <> 'TRUNCATE' THEN
        EXECUTE format('SELECT count(*), min(%1$s)::text, max(%1$s)::text FROM %2$s', called, new_rows)
            INTO counted, low, high;
        IF counted = 0 THEN
            RETURN NULL;
        END IF;
        found := found || jsonb_build_object('rows', counted, 'low', low, 'high', high);
        IF counted <= 20 THEN
            EXECUTE format('SELECT jsonb_agg(DISTINCT (%1$s)::text) FROM %2$s', called, new_rows) INTO keys;
            found := found || jsonb_build_object('keys', keys);
        END IF;
    END IF;
    INSERT INTO audit_pending (entry, about, change) VALUES (audit_entry_id(), audit_about(), found);
    RETURN NULL;
END $$;

-- From now on every write to a table is noted.
CREATE FUNCTION audit_watch(watched text, called text, aside text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    did text;
    rows text;
BEGIN
    FOREACH did IN ARRAY ARRAY['insert', 'update', 'delete', 'truncate'] LOOP
        rows := CASE WHEN called = '' OR did = 'truncate' THEN ''
                     WHEN did = 'delete' THEN 'REFERENCING OLD TABLE AS changed'
                     WHEN did = 'update' AND aside IS NOT NULL THEN
                         'REFERENCING OLD TABLE AS was NEW TABLE AS changed'
                     ELSE 'REFERENCING NEW TABLE AS changed' END;
        EXECUTE format('CREATE TRIGGER %I AFTER %s ON %I %s FOR EACH STATEMENT EXECUTE FUNCTION audit_changed(%L%s)',
                       'audit_' || did, did, watched, rows, called, ', ' || quote_literal(aside));
    END LOOP;
END $$;

-- A read that leaves a trace, or whatever else is no write; its refs are kept so that they can be forgotten.
CREATE FUNCTION audit_note(facts text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    noted uuid := gen_random_uuid();
BEGIN
    INSERT INTO audit_pending (entry, about) VALUES (noted, audit_about() || (facts::jsonb - ARRAY[
        'actor', 'role', 'territories', 'at']));
    RETURN noted;
END $$;

-- The changes of one transaction, a line for each table and kind of change.
CREATE FUNCTION audit_merged(changes jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'table', name, 'did', did, 'rows', rows,
        'keys', CASE WHEN rows <= 20 THEN keys END,
        'range', CASE WHEN rows > 20 THEN range END)) ORDER BY first)
    FROM (
        SELECT change ->> 'table' AS name, change ->> 'did' AS did, min(place) AS first,
               sum((change ->> 'rows')::bigint) AS rows,
               jsonb_path_query_array(jsonb_agg(change -> 'keys'), '$[*][*]') AS keys,
               CASE WHEN bool_and(numbers)
                    THEN min((change ->> 'low')::bigint) FILTER (WHERE numbers) || '…'
                         || max((change ->> 'high')::bigint) FILTER (WHERE numbers)
                    ELSE min(change ->> 'low') || '…' || max(change ->> 'high') END AS range
        FROM jsonb_array_elements(changes) WITH ORDINALITY AS given (change, place),
            LATERAL (SELECT coalesce((change ->> 'low') || (change ->> 'high') ~ '^[0-9]{1,36}$'
                                     AND length(change ->> 'high') <= 18, false) AS numbers) AS kind
        GROUP BY 1, 2
    ) AS merged
$$;

-- What an entry says for good; what may be forgotten of it goes to a table of its own.
CREATE FUNCTION audit_body(entry uuid, about jsonb, changes jsonb) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    detail record;
    salt text;
    proof text;
    proofs jsonb := '{}';
    codes jsonb;
BEGIN
    FOR detail IN
        SELECT 'ref' AS what, value FROM jsonb_array_elements_text(coalesce(about -> 'refs', '[]'))
        UNION SELECT 'from', about ->> 'from' WHERE about ? 'from'
    LOOP
        salt := gen_random_uuid()::text;
        proof := encode(sha256(convert_to(salt || detail.value, 'UTF8')), 'hex');
        INSERT INTO audit_detail VALUES (entry, proof, detail.what, detail.value, salt, (about ->> 'at')::timestamptz);
        proofs := jsonb_set(proofs, ARRAY[detail.what], coalesce(proofs -> detail.what, '[]') || to_jsonb(proof));
    END LOOP;
    SELECT jsonb_agg(DISTINCT code) INTO codes FROM (
        SELECT jsonb_array_elements_text(about -> 'territories') AS code
        UNION SELECT jsonb_array_elements_text(coalesce(about -> 'codes', '[]'))
    ) AS all_codes;
    RETURN (about - ARRAY['refs', 'from'] || jsonb_build_object('codes', coalesce(codes, '[]'))
            || CASE WHEN proofs = '{}' THEN '{}' ELSE jsonb_build_object('proofs', proofs) END
            || CASE WHEN changes IS NULL THEN '{}' ELSE jsonb_build_object('changes', audit_merged(changes)) END)::text;
END $$;

-- Takes what is pending into the chain as one batch; one caller at a time. No row: nothing was pending.
CREATE FUNCTION audit_seal(OUT batch bigint, OUT entries bigint) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    one record;
    head audit_batch;
    linked text;
    place bigint;
    body text;
    sealed text;
    taken uuid[] := '{}';
BEGIN
    IF NOT EXISTS (SELECT FROM audit_pending) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('gridmap audit chain', 0));
    SELECT * INTO head FROM audit_batch ORDER BY number DESC LIMIT 1;
    batch := coalesce(head.number, 0) + 1;
    place := coalesce(head.last, 0);
    linked := coalesce(head.link, repeat('0', 64));
    PERFORM set_config('gridmap.sealing', 'yes', true);
    FOR one IN
        SELECT entry, min(about)::jsonb AS about, jsonb_agg(change::jsonb ORDER BY id) FILTER (WHERE change IS NOT NULL)
            AS changes
        FROM audit_pending GROUP BY entry ORDER BY min(id) LIMIT 2000
    LOOP
        place := place + 1;
        body := audit_body(one.entry, one.about, one.changes);
        linked := encode(sha256(convert_to(concat_ws(E'\n', linked, place, one.entry, body), 'UTF8')), 'hex');
        INSERT INTO audit_entry VALUES (place, one.entry, batch, body, linked);
        taken := taken || one.entry;
    END LOOP;
    PERFORM set_config('gridmap.sealing', '', true);
    entries := cardinality(taken);
    IF entries = 0 THEN
        RETURN;  -- another has sealed them meanwhile
    END IF;
    DELETE FROM audit_pending WHERE entry = ANY(taken);
    sealed := to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
    INSERT INTO audit_batch VALUES (batch, coalesce(head.last, 0) + 1, place, sealed, linked, encode(sha256(convert_to(
        concat_ws(E'\n', coalesce(head.hash, repeat('0', 64)), batch, coalesce(head.last, 0) + 1, place, sealed, linked),
        'UTF8')), 'hex'));
    RETURN NEXT;
END $$;

-- Takes the lines of a spool: entries to be chained and kept answers. What came before is passed over.
CREATE FUNCTION audit_take(lines text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    taken bigint;
    kept bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('gridmap audit chain', 0));
    INSERT INTO audit_pending (entry, about)
    SELECT DISTINCT ON (line ->> 'id') (line ->> 'id')::uuid, line - ARRAY['kind', 'id']
    FROM unnest(lines) WITH ORDINALITY AS given (text, place), LATERAL (SELECT text::jsonb AS line) AS read
    WHERE line ->> 'kind' = 'entry'
      AND NOT EXISTS (SELECT FROM audit_pending WHERE entry = (line ->> 'id')::uuid)
      AND NOT EXISTS (SELECT FROM audit_entry WHERE id = (line ->> 'id')::uuid);
    GET DIAGNOSTICS taken = ROW_COUNT;
    INSERT INTO kept_answer
    SELECT (line ->> 'id')::uuid, (line ->> 'at')::timestamptz,
           ARRAY(SELECT jsonb_array_elements_text(line -> 'codes')),
           line - ARRAY['kind', 'id', 'codes']
               || jsonb_build_object('answer', (line -> 'answer') - ARRAY['id', 'emergency', 'departments', 'overlays']
                                               #- '{point,given}')
    FROM unnest(lines) AS given (text), LATERAL (SELECT text::jsonb AS line) AS read
    WHERE line ->> 'kind' = 'answer'
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS kept = ROW_COUNT;
    RETURN taken + kept;
END $$;

-- Refuses whoever may not take an action.
CREATE FUNCTION audit_demand(action text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT coalesce(actor_may(action), false) THEN
        RAISE insufficient_privilege USING MESSAGE = format('the audit: the actor lacks the right %s', action);
    END IF;
END $$;

-- Removes a reference from the trace; the chain stays valid.
CREATE FUNCTION audit_forget(forgotten text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    removed bigint;
BEGIN
    PERFORM audit_demand('FORGET');
    PERFORM audit_seal();
    PERFORM set_config('gridmap.entry', '', true);  -- what this transaction did so far is sealed
    PERFORM set_config('gridmap.forgetting', 'yes', true);
    DELETE FROM audit_detail WHERE what = 'ref' AND value = forgotten;
    GET DIAGNOSTICS removed = ROW_COUNT;
    PERFORM set_config('gridmap.forgetting', '', true);
    RETURN removed;
END $$;

-- Removes from where things were done, and kept answers, from before two times.
CREATE FUNCTION audit_prune(origins_before timestamptz, answers_before timestamptz, OUT origins bigint, OUT answers bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM audit_demand('PRUNE_AUDIT');
    PERFORM set_config('gridmap.forgetting', 'yes', true);
    DELETE FROM audit_detail WHERE what = 'from' AND at < origins_before;
    GET DIAGNOSTICS origins = ROW_COUNT;
    PERFORM set_config('gridmap.forgetting', '', true);
    DELETE FROM kept_answer WHERE at < answers_before;
    GET DIAGNOSTICS answers = ROW_COUNT;
    INSERT INTO audit_pending (entry, about) VALUES (gen_random_uuid(), audit_about() || jsonb_build_object(
        'origins', origins, 'answers', answers));
END $$;

-- Refuses, whoever asks.
CREATE FUNCTION audit_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'audit_detail' AND TG_OP = 'DELETE'
       AND current_setting('gridmap.forgetting', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the audit is only ever added to: % of % is refused', lower(TG_OP), TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_batch
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_detail
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- The codes at and below an auditor's territories; NULL for the whole city, none for everybody else.
CREATE FUNCTION audit_reach() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    own text[] := actor_territories();
BEGIN
    IF NOT coalesce(actor_may('READ_AUDIT'), false) THEN
        RETURN '{}';
    END IF;
    IF actor_is_everywhere() THEN
        RETURN NULL;
    END IF;
    RETURN (
        WITH RECURSIVE below (code) AS (
            SELECT unnest(own)
            UNION SELECT area.code COLLATE "default" FROM area JOIN below ON area.parent = below.code
        )
        SELECT coalesce(array_agg(code), '{}') FROM (
            SELECT code FROM below
            UNION SELECT cell.code COLLATE "default" FROM cell JOIN below ON cell.community = below.code
        ) AS codes
    );
END $$;

-- The functions above act as the owner, so these tables are open to it. What the application may is granted after migrating.
DO $$
DECLARE
    policied text;
BEGIN
    FOREACH policied IN ARRAY ARRAY['audit_entry', 'audit_detail', 'kept_answer'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', policied);
        EXECUTE format('CREATE POLICY all_for_the_machine ON %I FOR ALL '
                       'USING ((SELECT actor_is_unbound())) WITH CHECK ((SELECT actor_is_unbound()))', policied);
        EXECUTE format('CREATE POLICY written_by_functions ON %I FOR ALL TO CURRENT_USER '
                       'USING (true) WITH CHECK (true)', policied);
    END LOOP;
END $$;
CREATE POLICY auditors ON audit_entry FOR SELECT USING (
    (SELECT audit_reach()) IS NULL OR body::jsonb -> 'codes' ?| (SELECT audit_reach()));
CREATE POLICY auditors ON audit_detail FOR SELECT USING (
    EXISTS (SELECT FROM audit_entry WHERE audit_entry.id = audit_detail.entry));
CREATE POLICY supervisors ON kept_answer FOR SELECT USING (
    (SELECT actor_may('EXPLAIN'))
    AND ((SELECT actor_is_everywhere()) OR codes::text[] && (SELECT actor_territories())));

REVOKE ALL ON FUNCTION audit_note(text), audit_seal(), audit_take(text[]), audit_forget(text),
    audit_prune(timestamptz, timestamptz), audit_watch(text, text, text), audit_body(uuid, jsonb, jsonb) FROM PUBLIC;
