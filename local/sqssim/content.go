package sqssim

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// attribute is one message attribute, as the JSON protocol carries it.
type attribute struct {
	DataType    string
	StringValue *string `json:",omitempty"`
	BinaryValue []byte  `json:",omitempty"`
}

var attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// checkBody and checkAttributes return what SQS has against a message, or nil.
func checkBody(body string) *apiError {
	if body == "" {
		return missing("MessageBody")
	}
	legal := func(r rune) bool {
		return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000
	}
	if !utf8.ValidString(body) || strings.ContainsFunc(body, func(r rune) bool { return !legal(r) }) {
		return errContents
	}
	return nil
}

func checkAttributes(all map[string]attribute) *apiError {
	if len(all) > 10 {
		return invalid("Number of message attributes [" + itoa(len(all)) + "] exceeds the allowed maximum [10].")
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a, lower := all[name], strings.ToLower(name)
		if len(name) > 256 || !attributeName.MatchString(name) || strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.") {
			return invalid("The message attribute name '" + name + "' is invalid.")
		}
		kind, _, _ := strings.Cut(a.DataType, ".")
		text := a.StringValue != nil && *a.StringValue != ""
		if kind != "String" && kind != "Number" && kind != "Binary" {
			return invalid("The message attribute '" + name + "' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.")
		}
		if (kind == "Binary") != (len(a.BinaryValue) > 0) || (kind == "Binary") == text {
			return invalid("The message attribute '" + name + "' must contain a non-empty value of its own type.")
		}
	}
	return nil
}

// size is what a message counts against the limits: body and attributes.
func size(body string, all map[string]attribute) int {
	n := len(body)
	for name, a := range all {
		n += len(name) + len(a.DataType) + len(a.BinaryValue)
		if a.StringValue != nil {
			n += len(*a.StringValue)
		}
	}
	return n
}

func md5Of(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// md5OfAttributes is "" without attributes. The algorithm is in the SQS
// developer guide, "Calculating the MD5 message digest for message attributes".
func md5OfAttributes(all map[string]attribute) string {
	if len(all) == 0 {
		return ""
	}
	h := md5.New()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a := all[name]
		writeField(h, []byte(name))
		writeField(h, []byte(a.DataType))
		if strings.HasPrefix(a.DataType, "Binary") {
			h.Write([]byte{2})
			writeField(h, a.BinaryValue)
		} else {
			h.Write([]byte{1})
			writeField(h, []byte(*a.StringValue))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func writeField(h hash.Hash, b []byte) {
	_ = binary.Write(h, binary.BigEndian, uint32(len(b)))
	h.Write(b)
}

// selected keeps the attributes that a receiver asked for: All, .*, a prefix
// such as foo.*, or a name.
func selected(all map[string]attribute, asked []string) map[string]attribute {
	kept := map[string]attribute{}
	for name, a := range all {
		for _, want := range asked {
			prefix, wild := strings.CutSuffix(want, ".*")
			if want == "All" || want == name || wild && strings.HasPrefix(name, prefix) {
				kept[name] = a
			}
		}
	}
	return kept
}
