package signalbox

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// namedFields are the fields of a struct by the names that encoding/json gives them, or the entries of a map
// whose keys are text. False for everything else, which is one value and not several by name.
func namedFields(of any) (map[string]any, bool) {
	if fields, ok := of.(map[string]any); ok {
		return fields, true
	}
	switch of.(type) {
	case nil, Value, AsJSON, Reference, time.Time, json.Marshaler, encoding.TextMarshaler:
		return nil, false
	}
	value := reflect.ValueOf(of)
	for value.Kind() == reflect.Pointer && !value.IsNil() {
		value = value.Elem()
	}
	switch {
	case value.Kind() == reflect.Map && value.Type().Key().Kind() == reflect.String:
		fields := make(map[string]any, value.Len())
		for entries := value.MapRange(); entries.Next(); {
			fields[entries.Key().String()] = entries.Value().Interface()
		}
		return fields, true
	case value.Kind() == reflect.Struct:
		fields := map[string]any{}
		addFields(value, fields)
		return fields, true
	default:
		return nil, false
	}
}

// addFields adds the fields of a struct, the embedded ones last: what stands further out goes first.
func addFields(value reflect.Value, fields map[string]any) {
	var embedded []reflect.Value
	for index := range value.NumField() {
		field := value.Type().Field(index)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous && name == "" && reflect.Indirect(value.Field(index)).Kind() == reflect.Struct {
			embedded = append(embedded, reflect.Indirect(value.Field(index)))
			continue
		}
		if !field.IsExported() || field.Tag.Get("json") == "-" {
			continue
		}
		if name == "" {
			name = field.Name
		}
		isLeftOut := strings.Contains(options, "omitempty") && isEmpty(value.Field(index)) ||
			strings.Contains(options, "omitzero") && value.Field(index).IsZero()
		if _, isTaken := fields[name]; !isLeftOut && !isTaken {
			fields[name] = value.Field(index).Interface()
		}
	}
	for _, inner := range embedded {
		addFields(inner, fields)
	}
}

// isEmpty is what encoding/json means by omitempty.
func isEmpty(value reflect.Value) bool {
	switch value.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return value.Len() == 0
	case reflect.Struct:
		return false
	default:
		return value.IsZero()
	}
}

// toValues makes values by name of a struct or a map.
func toValues(of any, place string) (map[string]*pb.Value, error) {
	if of == nil {
		return nil, nil
	}
	if values, ok := of.(Values); ok {
		return values.messages, nil
	}
	fields, ok := namedFields(of)
	if !ok {
		return nil, fmt.Errorf("signalbox: %s is a %T; it takes a map by name or a struct", place, of)
	}
	values := make(map[string]*pb.Value, len(fields))
	for name, field := range fields {
		value, err := toValue(field, place+" "+name)
		if err != nil {
			return nil, err
		}
		values[name] = value
	}
	return values, nil
}

// toInputs makes inputs by name of a struct or a map, references to outputs among them.
func toInputs(of any) (map[string]*pb.Input, error) {
	if of == nil {
		return nil, nil
	}
	if values, ok := of.(Values); ok {
		of = values.Any()
	}
	fields, ok := namedFields(of)
	if !ok {
		return nil, fmt.Errorf("signalbox: the input is a %T; it takes a map by name or a struct", of)
	}
	inputs := make(map[string]*pb.Input, len(fields))
	for name, field := range fields {
		if reference, ok := field.(OutputReference); ok {
			inputs[name] = &pb.Input{Source: &pb.Input_Reference{Reference: reference.message()}}
			continue
		}
		value, err := toValue(field, "the input "+name)
		if err != nil {
			return nil, err
		}
		inputs[name] = &pb.Input{Source: &pb.Input_Value{Value: value}}
	}
	return inputs, nil
}
