package main

// Folders of the tests.
const (
	rows      = "shared/postgres"
	pause     = "functions/pause"
	resume    = "functions/resume"
	reconcile = "functions/reconcile"
	wholeRun  = "local/crash"
)

// guards is the table: what keeps the promises, and who notices when it does
// not. Conditions of the SQL first, then the table's own, then times, then what
// the functions do between two writes.
var guards = []guard{
	// The builder's fences.
	{"a turn is claimed only when its lease is over", "shared/postgres/build.go",
		" AND lease_until < now()` + returning\n\treturn s.move(ctx, sql, id, turn, seconds(Lease), s.stack)", "` + returning\n\treturn s.move(ctx, sql, id, turn, seconds(Lease), s.stack)",
		rows, "TestOnlyOneOfManyBuildersClaimsATurn"},
	{"only the turn that was handed over is claimed", "shared/postgres/build.go",
		"WHERE id = $1::uuid AND turn = $2 AND status NOT IN", "WHERE id = $1::uuid AND turn >= $2 - 1 AND status NOT IN",
		rows, "TestAHandOverEndsTheTurn"},
	{"every write of a turn carries its claim", "shared/postgres/build.go",
		"const mine = ` WHERE id = $1::uuid AND claim = $2 AND", "const mine = ` WHERE id = $1::uuid AND claim >= $2 AND",
		rows, "TestADeadBuildersTurnIsTakenOverAndCounted"},
	{"every write of a turn carries its status", "shared/postgres/build.go",
		"AND claim = $2 AND status = $3 `", "AND claim = $2 AND $3 = $3::text `",
		rows, "TestACancelledJobIsNeverReady"},
	{"a crash is counted", "shared/postgres/build.go",
		"crashes + (claimed_turn = turn)::int", "crashes",
		rows, "TestADeadBuildersTurnIsTakenOverAndCounted"},
	{"no second create while one may be under way", "shared/postgres/build.go",
		"AND sandbox_id IS NULL AND (create_sent_at IS NULL OR create_sent_at < now() - make_interval(secs => $4::float8))", "AND sandbox_id IS NULL AND $4::float8 > 0",
		rows, "TestACreateIsNumberedAndNeverSentTwice"},
	{"a sandbox of an older create is not adopted", "shared/postgres/build.go",
		"AND sandbox_id IS NULL AND create_no = $6`", "AND sandbox_id IS NULL AND $6 = $6::int`",
		rows, "TestACreateIsNumberedAndNeverSentTwice"},

	// The sandbox's fences.
	{"a pause is only for the epoch that it is about", "shared/postgres/pause.go",
		"AND status = 'ready' AND epoch = $2 AND (", "AND status = 'ready' AND epoch >= $2 AND (",
		rows, "TestAPauseIsTakenOnceAndOnlyWhenDue"},
	{"no pause before it is due", "shared/postgres/pause.go",
		"sandbox_state = 'running' AND pause_due_at <= now() AND (op_until", "sandbox_state = 'running' AND (op_until",
		rows, "TestAPauseIsTakenOnceAndOnlyWhenDue"},
	{"no pause while a shared wake may still land", "shared/postgres/pause.go",
		"AND pause_due_at <= now() AND (op_until IS NULL OR op_until < now()))", "AND pause_due_at <= now())",
		rows, "TestASharedResumeKeepsItsTimeWhenItEnds"},
	{"no pause of what somebody owns", "shared/postgres/pause.go",
		"OR (sandbox_state IN ('pausing', 'resuming') AND op_until < now()))", "OR (sandbox_state IN ('pausing', 'resuming')))",
		rows, "TestAPauseIsTakenOnceAndOnlyWhenDue|TestADeadResumeIsPutBackToSleep"},
	{"paused is written by the owner of the pause alone", "shared/postgres/pause.go",
		"AND sandbox_state = 'pausing' AND op_until = $3::timestamptz `", "AND sandbox_state = 'pausing' AND $3::timestamptz IS NOT NULL `",
		rows, "TestAPauseIsTakenOnceAndOnlyWhenDue"},
	{"a wake raises the epoch", "shared/postgres/resume.go",
		"sandbox_state = 'resuming', sandbox_paused = false, epoch = epoch + 1,", "sandbox_state = 'resuming', sandbox_paused = false,",
		rows, "TestAResumeRaisesTheEpochOnce"},
	{"a wake does not overtake a pause under way", "shared/postgres/resume.go",
		"OR (sandbox_state IN ('pausing', 'resuming') AND op_until < now()))` + returning", "OR (sandbox_state IN ('pausing', 'resuming')))` + returning",
		rows, "TestAResumeRaisesTheEpochOnce"},
	{"a shared wake stays owned after its first end", "shared/postgres/resume.go",
		"op_until = CASE WHEN op_shared THEN op_until END,", "op_until = NULL,",
		rows, "TestASharedResumeKeepsItsTimeWhenItEnds"},
	{"a refusal does not end a shared wake", "shared/postgres/resume.go",
		"op_until = now(),` + changed + resuming + ` AND NOT op_shared`", "op_until = now(),` + changed + resuming + ``",
		rows, "TestASharedResumeKeepsItsTimeWhenItEnds"},
	{"the end of a wake is written under its epoch", "shared/postgres/resume.go",
		"const resuming = ` WHERE id = $1::uuid AND epoch = $2 AND sandbox_state = 'resuming' `", "const resuming = ` WHERE id = $1::uuid AND epoch >= $2 AND sandbox_state IN ('resuming', 'pausing') `",
		rows, "TestADeadResumeIsPutBackToSleep"},
	{"the marker never runs ahead of the epoch", "shared/postgres/build.go",
		"WHERE id = $1::uuid AND epoch = $2 AND marker_epoch < $2`", "WHERE id = $1::uuid AND epoch <= $2`",
		rows, "TestTheMarkerNeverGoesBack"},

	// Reconcile's fences.
	{"reconcile writes only what it has read", "shared/postgres/reconcile_write.go",
		"const asRead = ` WHERE id = $1::uuid AND revision = $2 `", "const asRead = ` WHERE id = $1::uuid AND revision >= $2 `",
		rows, "TestReconcileWritesOnlyWhatItHasRead"},
	{"no single 404 is believed", "shared/postgres/reconcile_write.go",
		"AND missing_revision = revision AND missing_since < now() - make_interval(secs => $3::float8)`", "AND $3::float8 > 0`",
		rows, "TestASandboxIsGoneAfterAGraceWithoutAnyOtherWrite"},
	{"what was missed is forgotten when something was done since", "shared/postgres/reconcile_write.go",
		"coalesce(CASE WHEN missing_revision = revision - 1 THEN missing_since END, now())", "coalesce(missing_since, now())",
		rows, "TestWhatBreaksTheEvidence"},
	{"an owned sandbox is not missing", "shared/postgres/reconcile_write.go",
		"AND (op_until IS NULL OR op_until < now()) `", "`",
		reconcile, "TestAnOwnedSandboxIsNotMissing"},
	{"a woken sandbox is believed a grace after its pause", "shared/postgres/reconcile_write.go",
		"AND sandbox_state = 'paused' AND paused_at < now() - make_interval(secs => $4::float8)`", "AND sandbox_state = 'paused' AND $4::float8 > 0`",
		rows, "TestAWakeIsBelievedOnlyAfterAGrace"},

	// The table's own.
	{"CHECK: paused is a state", "shared/postgres/migrations/000004_add_lifecycle.up.sql",
		"CHECK (sandbox_paused = (sandbox_state = 'paused'))", "CHECK (true)", rows, "TestTheTableItselfRefusesALie"},
	{"CHECK: only a ready job's sandbox sleeps", "shared/postgres/migrations/000004_add_lifecycle.up.sql",
		"jobs_only_ready_sleeps CHECK (status = 'ready'\n        OR", "jobs_only_ready_sleeps CHECK (true\n        OR", rows, "TestTheTableItselfRefusesALie"},
	{"CHECK: an unfinished job has a lease", "shared/postgres/migrations/000004_add_lifecycle.up.sql",
		"CHECK ((lease_until IS NULL) = (status IN ('ready', 'failed')))", "CHECK (true)", rows, "TestTheTableItselfRefusesALie"},
	{"CHECK: pausing and resuming have an owner", "shared/postgres/migrations/000004_add_lifecycle.up.sql",
		"CHECK (sandbox_state NOT IN ('pausing', 'resuming') OR op_until IS NOT NULL)", "CHECK (true)", rows, "TestTheTableItselfRefusesALie"},
	{"CHECK: a running preview is due some time", "shared/postgres/migrations/000004_add_lifecycle.up.sql",
		"CHECK (status <> 'ready' OR sandbox_state <> 'running' OR pause_due_at IS NOT NULL)", "CHECK (true)", rows, "TestTheTableItselfRefusesALie"},
	{"CHECK: the marker is not ahead of the epoch", "shared/postgres/migrations/000004_add_lifecycle.up.sql",
		"CHECK (marker_epoch <= epoch)", "CHECK (true)", rows, "TestTheTableItselfRefusesALie"},
	{"CHECK: a failure says why", "shared/postgres/migrations/000004_add_lifecycle.up.sql",
		"CHECK (status <> 'failed' OR (error_message IS NOT NULL AND debug_id IS NOT NULL))", "CHECK (true)", rows, "TestTheTableItselfRefusesALie"},
}
