package signalbox

import (
	"encoding/json"
	"fmt"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// Inputs are the inputs of a task by name: plain Go values (see [NewValue]) and, in a plan, [OutputOf].
type Inputs = map[string]any

// Outputs are the outputs of a task by name: plain Go values (see [NewValue]).
type Outputs = map[string]any

// Value is one typed value of Signalbox: an input, an output, or the answer to a condition. Its zero value is
// null.
type Value struct{ message *pb.Value }

// Reference says where something larger than 1 MiB is kept, and how to tell that it is the one meant.
type Reference struct {
	// URI is one that its readers understand; at most 2,048 characters.
	URI string `json:"uri"`
	// SHA256 is that of the content in lower-case hexadecimal digits; empty if it is not known.
	SHA256 string `json:"sha256,omitempty"`
	// SizeBytes is the size of the content; 0 if it is not known.
	SizeBytes int64 `json:"size_bytes,omitempty"`
}

// AsJSON makes a JSON value of what it holds, also where a plain value would be a bool, a number or a text of
// its own: a condition that asks for JSON takes nothing else.
type AsJSON struct{ Of any }

// NewValue makes a value of a Go value:
//
//	Go                                      Signalbox   and back, from Any
//	nil, a nil pointer                      null        nil
//	bool                                    bool        bool
//	int and uint of any size, json.Number   int         int64
//	float32, float64, json.Number           float       float64
//	string                                  string      string
//	[]byte                                  bytes       []byte
//	struct, map, slice, json.Marshaler      JSON        map[string]any, []any, float64, string, bool, nil
//	Reference                               reference   Reference
//	AsJSON                                  JSON
//
// Pointers stand for what they point to. What fits none of these, or not its bounds, is an error: a whole
// number beyond 64 bits, or one inside JSON beyond 2^53, which JSON does not keep exactly; text that is not
// UTF-8; JSON of more than 30 levels.
func NewValue(of any) (Value, error) {
	message, err := toValue(of, "the value")
	return Value{message}, err
}

// Message is the value as the contract has it.
func (v Value) Message() *pb.Value {
	if v.message == nil {
		return nullValue()
	}
	return v.message
}

// Any is the value as a plain Go value, as the table of [NewValue] says.
func (v Value) Any() any { return fromValue(v.message) }

// IsNull reports whether the value is null.
func (v Value) IsNull() bool {
	switch v.message.GetKind().(type) {
	case nil, *pb.Value_NullValue:
		return true
	default:
		return false
	}
}

// Bool is the value of a bool.
func (v Value) Bool() (bool, error) {
	kind, ok := v.message.GetKind().(*pb.Value_BoolValue)
	if !ok {
		return false, v.isNot("a bool")
	}
	return kind.BoolValue, nil
}

// Int is the value of an int.
func (v Value) Int() (int64, error) {
	kind, ok := v.message.GetKind().(*pb.Value_IntValue)
	if !ok {
		return 0, v.isNot("an int")
	}
	return kind.IntValue, nil
}

// Float is the value of a float, or of an int as a float.
func (v Value) Float() (float64, error) {
	switch kind := v.message.GetKind().(type) {
	case *pb.Value_FloatValue:
		return kind.FloatValue, nil
	case *pb.Value_IntValue:
		return float64(kind.IntValue), nil
	default:
		return 0, v.isNot("a float")
	}
}

// Text is the value of a string.
func (v Value) Text() (string, error) {
	kind, ok := v.message.GetKind().(*pb.Value_StringValue)
	if !ok {
		return "", v.isNot("a string")
	}
	return kind.StringValue, nil
}

// Bytes is the value of bytes.
func (v Value) Bytes() ([]byte, error) {
	kind, ok := v.message.GetKind().(*pb.Value_BytesValue)
	if !ok {
		return nil, v.isNot("bytes")
	}
	return kind.BytesValue, nil
}

// Decode sets what the pointer points to from the value's plain JSON form, as json.Unmarshal does: a struct
// from an object, a []byte from bytes, a [Reference] from a reference.
func (v Value) Decode(into any) error { return decodeValue(v.Message(), into) }

// String says the value for people: a text as it is, anything else as JSON.
func (v Value) String() string {
	if text, err := v.Text(); err == nil {
		return text
	}
	plain := v.Any()
	if text, err := json.Marshal(plain); err == nil {
		return string(text)
	}
	return fmt.Sprint(plain)
}

func (v Value) isNot(wanted string) error {
	return fmt.Errorf("signalbox: the value is %s and not %s", describeKind(v.message), wanted)
}

// Values are values by name: the outputs of a run or an action, or the inputs of a task.
type Values struct{ messages map[string]*pb.Value }

// ValuesOf wraps values as the contract has them, such as the outputs of a [Run].
func ValuesOf(messages map[string]*pb.Value) Values { return Values{messages} }

// Get is the value of that name; null if there is none.
func (v Values) Get(name string) Value { return Value{v.messages[name]} }

// Has reports whether there is a value of that name.
func (v Values) Has(name string) bool { return v.messages[name] != nil }

// Len is how many values there are.
func (v Values) Len() int { return len(v.messages) }

// Any are the values as plain Go values by name.
func (v Values) Any() map[string]any {
	plain := make(map[string]any, len(v.messages))
	for name, message := range v.messages {
		plain[name] = fromValue(message)
	}
	return plain
}

// Decode sets what the pointer points to, a struct or a map, from the values: each field from the value of its
// name, as json.Unmarshal does.
func (v Values) Decode(into any) error { return decodeValues(v.messages, into) }

// Messages are the values as the contract has them.
func (v Values) Messages() map[string]*pb.Value { return v.messages }

func describeKind(message *pb.Value) string {
	switch message.GetKind().(type) {
	case *pb.Value_BoolValue:
		return "a bool"
	case *pb.Value_IntValue:
		return "an int"
	case *pb.Value_FloatValue:
		return "a float"
	case *pb.Value_StringValue:
		return "a string"
	case *pb.Value_BytesValue:
		return "bytes"
	case *pb.Value_JsonValue:
		return "JSON"
	case *pb.Value_Reference:
		return "a reference"
	default:
		return "null"
	}
}
