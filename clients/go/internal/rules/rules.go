// Package rules checks messages against the bounds that the contract states for their fields. A frame that breaks
// one ends the stream of a whole worker, so what a task says is checked before it is sent.
package rules

import (
	"errors"
	"fmt"
	"regexp"
	"sync"
	"unicode/utf8"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Check returns all that is wrong with a message, each with the path of its field; nil if nothing is.
func Check(message proto.Message) error {
	var found violations
	found.message("", message.ProtoReflect())
	return errors.Join(found...)
}

// violations are what was found wrong so far.
type violations []error

func (v *violations) add(path, format string, arguments ...any) {
	*v = append(*v, fmt.Errorf("%s: %s", path, fmt.Sprintf(format, arguments...)))
}

func (v *violations) message(path string, message protoreflect.Message) {
	if message.Descriptor().ParentFile().Package() != "signalbox.v1" {
		return
	}
	oneofs := message.Descriptor().Oneofs()
	for index := range oneofs.Len() {
		oneof := oneofs.Get(index)
		rules, _ := proto.GetExtension(oneof.Options(), validate.E_Oneof).(*validate.OneofRules)
		if rules.GetRequired() && message.WhichOneof(oneof) == nil {
			v.add(join(path, string(oneof.Name())), "one of them is required")
		}
	}
	fields := message.Descriptor().Fields()
	for index := range fields.Len() {
		v.field(path, message, fields.Get(index))
	}
}

func (v *violations) field(path string, message protoreflect.Message, field protoreflect.FieldDescriptor) {
	path = join(path, string(field.Name()))
	rules, _ := proto.GetExtension(field.Options(), validate.E_Field).(*validate.FieldRules)
	// A field that knows whether it was said is not checked when it was not.
	if field.HasPresence() && !message.Has(field) {
		if rules.GetRequired() {
			v.add(path, "it is required")
		}
		return
	}
	value := message.Get(field)
	switch {
	case field.IsMap():
		v.entries(path, value.Map(), field, rules.GetMap())
	case field.IsList():
		v.list(path, value.List(), field, rules.GetRepeated())
	default:
		v.value(path, value, field, rules)
	}
}

func (v *violations) entries(
	path string, entries protoreflect.Map, field protoreflect.FieldDescriptor, rules *validate.MapRules,
) {
	if rules.HasMaxPairs() && uint64(entries.Len()) > rules.GetMaxPairs() {
		v.add(path, "it has %d entries, and at most %d may be", entries.Len(), rules.GetMaxPairs())
	}
	entries.Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
		at := fmt.Sprintf("%s[%q]", path, key.String())
		v.value(at, key.Value(), field.MapKey(), rules.GetKeys())
		v.value(at, value, field.MapValue(), rules.GetValues())
		return true
	})
}

func (v *violations) list(
	path string, list protoreflect.List, field protoreflect.FieldDescriptor, rules *validate.RepeatedRules,
) {
	length := uint64(list.Len())
	if rules.HasMinItems() && length < rules.GetMinItems() {
		v.add(path, "it has %d items, and at least %d must be", length, rules.GetMinItems())
	}
	if rules.HasMaxItems() && length > rules.GetMaxItems() {
		v.add(path, "it has %d items, and at most %d may be", length, rules.GetMaxItems())
	}
	seen := map[any]bool{}
	for index := range list.Len() {
		at := fmt.Sprintf("%s[%d]", path, index)
		v.value(at, list.Get(index), field, rules.GetItems())
		if rules.GetUnique() && seen[list.Get(index).Interface()] {
			v.add(at, "it is there twice")
		}
		if rules.GetUnique() {
			seen[list.Get(index).Interface()] = true
		}
	}
}

func (v *violations) value(
	path string, value protoreflect.Value, field protoreflect.FieldDescriptor, rules *validate.FieldRules,
) {
	switch field.Kind() {
	case protoreflect.MessageKind:
		if duration, ok := value.Message().Interface().(*durationpb.Duration); ok {
			v.duration(path, duration, rules.GetDuration())
			return
		}
		v.message(path, value.Message())
	case protoreflect.StringKind:
		v.text(path, value.String(), rules.GetString())
	case protoreflect.BytesKind:
		length := uint64(len(value.Bytes()))
		if bounds := rules.GetBytes(); bounds.HasMaxLen() && length > bounds.GetMaxLen() {
			v.add(path, "it has %d bytes, and at most %d may be", length, bounds.GetMaxLen())
		}
	case protoreflect.EnumKind:
		v.enum(path, value.Enum(), field, rules.GetEnum())
	case protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Uint64Kind, protoreflect.DoubleKind:
		v.number(path, value, rules)
	}
}

func (v *violations) text(path, text string, rules *validate.StringRules) {
	length := uint64(utf8.RuneCountInString(text))
	if !utf8.ValidString(text) {
		v.add(path, "it is not UTF-8")
	}
	if rules.HasMinLen() && length < rules.GetMinLen() {
		v.add(path, "it has %d characters, and at least %d must be", length, rules.GetMinLen())
	}
	if rules.HasMaxLen() && length > rules.GetMaxLen() {
		v.add(path, "it has %d characters, and at most %d may be", length, rules.GetMaxLen())
	}
	if rules.HasMaxBytes() && uint64(len(text)) > rules.GetMaxBytes() {
		v.add(path, "it has %d bytes, and at most %d may be", len(text), rules.GetMaxBytes())
	}
	if rules.HasPattern() && !compiled(rules.GetPattern()).MatchString(text) {
		v.add(path, "%q does not match %s", text, rules.GetPattern())
	}
}

func (v *violations) enum(
	path string, number protoreflect.EnumNumber, field protoreflect.FieldDescriptor, rules *validate.EnumRules,
) {
	if rules.GetDefinedOnly() && field.Enum().Values().ByNumber(number) == nil {
		v.add(path, "there is no value %d", number)
	}
	for _, refused := range rules.GetNotIn() {
		if int32(number) == refused {
			v.add(path, "it is to be said")
		}
	}
}

func (v *violations) duration(path string, duration *durationpb.Duration, rules *validate.DurationRules) {
	if rules == nil {
		return
	}
	length := duration.AsDuration()
	if rules.HasGt() && length <= rules.GetGt().AsDuration() {
		v.add(path, "it is %s, and is to be more than %s", length, rules.GetGt().AsDuration())
	}
	if rules.HasGte() && length < rules.GetGte().AsDuration() {
		v.add(path, "it is %s, and is to be at least %s", length, rules.GetGte().AsDuration())
	}
	if rules.HasLte() && length > rules.GetLte().AsDuration() {
		v.add(path, "it is %s, and is to be at most %s", length, rules.GetLte().AsDuration())
	}
}

// number checks a number against the bounds of its kind, all of which have the same four fields.
func (v *violations) number(path string, value protoreflect.Value, rules *validate.FieldRules) {
	typed := rules.ProtoReflect().WhichOneof(rules.ProtoReflect().Descriptor().Oneofs().ByName("type"))
	if typed == nil {
		return
	}
	bounds := rules.ProtoReflect().Get(typed).Message()
	number := toFloat(value)
	for name, holds := range map[protoreflect.Name]func(bound float64) bool{
		"gt":  func(bound float64) bool { return number > bound },
		"gte": func(bound float64) bool { return number >= bound },
		"lt":  func(bound float64) bool { return number < bound },
		"lte": func(bound float64) bool { return number <= bound },
	} {
		field := bounds.Descriptor().Fields().ByName(name)
		if field != nil && bounds.Has(field) && !holds(toFloat(bounds.Get(field))) {
			v.add(path, "%v is not %s %v", value, name, bounds.Get(field))
		}
	}
}

func toFloat(value protoreflect.Value) float64 {
	switch number := value.Interface().(type) {
	case int32:
		return float64(number)
	case int64:
		return float64(number)
	case uint64:
		return float64(number)
	case float64:
		return number
	default:
		return 0
	}
}

var patterns sync.Map

func compiled(pattern string) *regexp.Regexp {
	if known, ok := patterns.Load(pattern); ok {
		return known.(*regexp.Regexp)
	}
	made := regexp.MustCompile(pattern)
	patterns.Store(pattern, made)
	return made
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
