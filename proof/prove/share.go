package main

const preview = "functions/preview"

// shareGuards are what keeps share links from waking what nobody clicked for, and
// from opening what nobody shared.
var shareGuards = []guard{
	{"a token is believed by its code", "shared/secrets/links.go",
		"if !hmac.Equal(code, want) {", "if !hmac.Equal(code, want) && want == nil {",
		"shared/secrets", "TestAWrongTokenIsNoLink"},
	{"a copy of a stack opens none of its links", "shared/secrets/links.go",
		"\"siesta share links of \"+s.stack", "\"siesta share links of \"",
		"shared/secrets", "TestALinkOpensForItsStackAndItsKeysOnly"},
	{"a link that was ended is not good", "shared/job/link.go",
		"if l.Number != s.Number || !now.Before(l.Ends) {", "if !now.Before(l.Ends) {",
		preview, "TestAnEndedLink"},
	{"an overtaken reader brings back no ended link", "shared/redis/share.go",
		"if old and tonumber(old) and tonumber(old) > tonumber(ARGV[2]) then", "if old and tonumber(old) and tonumber(old) < 0 then",
		cache, "TestAnEndedShareStaysEnded"},
	{"only the page itself posts", "functions/preview/wake.go",
		"	if !sameSite(r) {", "	if false && !sameSite(r) {",
		preview, "TestPostsFromElsewhereAreRefused"},
	{"who looks wakes nothing", "shared/wake/waker.go",
		"if !Awake(j, j.ReadAt) {", "if false {",
		preview, "TestViewingProlongsWhatIsAwake"},
	{"a version is its share's owner's", "functions/preview/target.go",
		"	return j, j.CheckOwner(user)", "	return j, nil",
		preview, "TestAnEndedLink"},
	{"a link without logs has no log", "functions/preview/logs.go",
		"	if !t.link.Logs {", "	if false {",
		preview, "TestALinkWithoutLogsShowsNone"},
	{"a link without logs shows no lines", "functions/preview/handler.go",
		"if t.link.Logs && (", "if true && (",
		preview, "TestALinkWithoutLogsShowsNone"},
	{"clicks on one sleep are one", "shared/redis/allow.go",
		"j.ID + \":\" + strconv.FormatInt(j.Revision, 10)", "job.NewID()",
		preview, "TestManyClicksMakeOneWake"},
	{"links keep nothing awake for ever", "shared/redis/allow.go",
		"if sum + tonumber(ARGV[2]) > tonumber(ARGV[3]) then", "if false then",
		preview, "TestLinksKeepNothingAwakeForEver"},
	{"who only looks is counted, too", "shared/wake/waker.go",
		"	if h.Allow != nil {", "	if h.Allow != nil && !Awake(j, j.ReadAt) {",
		preview, "TestLinksKeepNothingAwakeForEver"},
}
