package gateway

import (
	"net/url"
	"strings"
)

// match finds the route that API Gateway would take: a literal segment goes
// before a variable, a variable before the greedy rest, a method before ANY.
func match(routes []Route, method, path string) (best Route, parameters map[string]string, found bool) {
	bestRank := ""
	for _, route := range routes {
		if route.Method != method && route.Method != "ANY" {
			continue
		}
		values, rank, ok := matchPath(route.Path, path)
		if route.Method == "ANY" {
			rank += "9"
		}
		if ok && (!found || rank < bestRank) {
			best, parameters, bestRank, found = route, values, rank, true
		}
	}
	return best, parameters, found
}

// matchPath returns the path's parameters, and a rank that sorts the better
// match first.
func matchPath(pattern, path string) (values map[string]string, rank string, ok bool) {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	values = map[string]string{}
	for i, segment := range want {
		if i >= len(have) {
			return nil, "", false
		}
		name, variable := strings.CutPrefix(segment, "{")
		name = strings.TrimSuffix(name, "}")
		greedy, isGreedy := strings.CutSuffix(name, "+")
		switch {
		case !variable:
			if segment != have[i] {
				return nil, "", false
			}
			rank += "1"
		case isGreedy:
			values[greedy] = unescape(strings.Join(have[i:], "/"))
			return values, rank + "3", values[greedy] != ""
		case have[i] == "":
			return nil, "", false
		default:
			values[name] = unescape(have[i])
			rank += "2"
		}
	}
	return values, rank, len(want) == len(have)
}

func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}
