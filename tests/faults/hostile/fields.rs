//! The fields of the contract, from its descriptor: plausible requests, with one hostile field in them.

use std::collections::{BTreeMap, VecDeque};

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use songhua_tests::Random;
use songhua_wire::FILE_DESCRIPTOR_SET;

use super::values::{self, delimited, varint};

/// Where all requests begin.
const ROOT: &str = ".songhua.v1.SubmitRequest";
/// What is sent where nothing hostile lies in the payload.
const PAYLOAD: &str = "measurement_reported";

/// A field of a message, and the fields that lead to that message.
pub(crate) struct Field {
    path: Vec<(String, i32)>,
    message: String,
    field: FieldDescriptorProto,
}

impl Field {
    /// `Message.field`.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.message.trim_start_matches('.'), self.field.name())
    }
}

/// Messages and numbers of enums, by their full names.
pub(crate) struct Contract {
    messages: BTreeMap<String, DescriptorProto>,
    enums: BTreeMap<String, Vec<i32>>,
}

impl Contract {
    /// The contract of this build.
    pub(crate) fn new() -> Self {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("the build made it");
        let mut contract = Self { messages: BTreeMap::new(), enums: BTreeMap::new() };
        for file in &set.file {
            for message in &file.message_type {
                contract.add(&format!(".{}", file.package()), message);
            }
            for one in &file.enum_type {
                let numbers = one.value.iter().map(|value| value.number()).collect();
                contract.enums.insert(format!(".{}.{}", file.package(), one.name()), numbers);
            }
        }
        contract
    }

    fn add(&mut self, scope: &str, message: &DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for inner in &message.nested_type {
            self.add(&name, inner);
        }
        for one in &message.enum_type {
            let numbers = one.value.iter().map(|value| value.number()).collect();
            self.enums.insert(format!("{name}.{}", one.name()), numbers);
        }
        self.messages.insert(name, message.clone());
    }

    /// Every field of every message that a request can hold, each once, by a shortest way to it.
    pub(crate) fn fields(&self) -> Vec<Field> {
        let mut ways = BTreeMap::from([(ROOT.to_owned(), Vec::new())]);
        let (mut next, mut found) = (VecDeque::from([ROOT.to_owned()]), Vec::new());
        while let Some(message) = next.pop_front() {
            let path: Vec<(String, i32)> = ways[&message].clone();
            for field in &self.messages[&message].field {
                found.push(Field { path: path.clone(), message: message.clone(), field: field.clone() });
                if field.r#type() == Type::Message && !ways.contains_key(field.type_name()) {
                    let way = [path.as_slice(), &[(message.clone(), field.number())]].concat();
                    ways.insert(field.type_name().to_owned(), way);
                    next.push_back(field.type_name().to_owned());
                }
            }
        }
        found
    }

    /// A request in which this field is hostile.
    pub(crate) fn hostile(&self, field: &Field, random: &mut Random) -> Vec<u8> {
        self.message(ROOT, Some(field), random)
    }

    fn message(&self, name: &str, hostile: Option<&Field>, random: &mut Random) -> Vec<u8> {
        let (message, mut bytes) = (&self.messages[name], Vec::new());
        let on_way = hostile.and_then(|field| field.path.iter().find(|(at, _)| at == name)).map(|(_, number)| *number);
        let here = hostile.filter(|field| field.message == name).map(|field| field.field.number());
        let wanted = here.or(on_way);
        for field in &message.field {
            if here == Some(field.number()) {
                self.put_hostile(field, &mut bytes, random);
            } else if on_way == Some(field.number()) || is_put(message, field, wanted, random) {
                let inside = hostile.filter(|_| on_way == Some(field.number()));
                self.put(field, inside, &mut bytes, random);
            }
        }
        bytes
    }

    /// A plausible value.
    fn put(&self, field: &FieldDescriptorProto, hostile: Option<&Field>, bytes: &mut Vec<u8>, random: &mut Random) {
        let number = field.number();
        match field.r#type() {
            Type::Message if hostile.is_none() && field.type_name() == ".google.type.Date" => {
                delimited(bytes, number, &values::recent_day(random));
            }
            Type::Message => delimited(bytes, number, &self.message(field.type_name(), hostile, random)),
            Type::String => delimited(bytes, number, values::plausible(field.name(), random).as_bytes()),
            Type::Bytes => delimited(bytes, number, &[7; 32]),
            Type::Enum if ["basis", "obs_status"].contains(&field.name()) => values::tagged(bytes, number, 1),
            Type::Enum => {
                // The first is what nobody may send.
                let numbers = &self.enums[field.type_name()][1..];
                values::tagged(bytes, number, numbers[random.below(numbers.len() as u64) as usize] as u64);
            }
            _ if field.name() == "unit_multiplier" => {}
            // Half of all requests only ask.
            _ => values::tagged(bytes, number, random.below(2)),
        }
    }

    /// A value that should not be there, or not so.
    fn put_hostile(&self, field: &FieldDescriptorProto, bytes: &mut Vec<u8>, random: &mut Random) {
        let number = field.number();
        if random.percent(12) {
            return self.put_misshapen(field, bytes, random);
        }
        match field.r#type() {
            Type::String => {
                let text = values::hostile_text(&values::plausible(field.name(), random), random);
                delimited(bytes, number, &text);
            }
            Type::Bytes => delimited(bytes, number, &values::noise(random)),
            Type::Message => {
                let inside =
                    if random.percent(50) { Vec::new() } else { self.message(field.type_name(), None, random) };
                match random.below(4) {
                    0 => delimited(bytes, number, &inside),
                    1 => delimited(bytes, number, &values::noise(random)),
                    2 => (0..2).for_each(|_| delimited(bytes, number, &inside)),
                    _ => delimited(bytes, number, &[inside, values::unknown_fields(random)].concat()),
                }
            }
            _ => values::tagged(bytes, number, values::hostile_number(random)),
        }
    }

    /// What no generated client would write.
    fn put_misshapen(&self, field: &FieldDescriptorProto, bytes: &mut Vec<u8>, random: &mut Random) {
        let number = field.number();
        match random.below(9) {
            // Missing.
            0 => {}
            // Another wire type than the contract's.
            1 => {
                varint(bytes, (number as u64) << 3 | random.below(8));
                bytes.extend(values::noise(random));
            }
            // A length that lies beyond the end.
            2 => {
                varint(bytes, (number as u64) << 3 | 2);
                varint(bytes, 1 << random.below(63));
            }
            3 => bytes.extend(values::unknown_fields(random)),
            4 => values::nested(bytes, number, 1 + random.below(200)),
            // Many, rarely very many.
            5 => {
                let many = if random.percent(3) { 100_000 } else { 50 };
                (0..many).for_each(|_| delimited(bytes, number, b""));
            }
            6 => (0..3).for_each(|_| self.put(field, None, bytes, random)),
            7 => delimited(bytes, number, &[0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80]),
            _ => delimited(bytes, number, &values::noise(random)),
        }
    }
}

/// Whether a field that nothing hostile is in is there at all. Of a oneof exactly one member is.
fn is_put(message: &DescriptorProto, field: &FieldDescriptorProto, wanted: Option<i32>, random: &mut Random) -> bool {
    if field.oneof_index.is_some() && !field.proto3_optional() {
        let members = || message.field.iter().filter(|it| it.oneof_index == field.oneof_index && !it.proto3_optional());
        let taken = wanted.is_some_and(|wanted| members().any(|member| member.number() == wanted));
        let named = members().any(|member| member.name() == PAYLOAD);
        let first = members().next().is_some_and(|member| member.number() == field.number());
        return !taken && if named { field.name() == PAYLOAD } else { first };
    }
    match field.name() {
        "parent" | "events" | "event_id" => true,
        // What is measured has a period instead.
        "effective_date" => random.percent(30),
        "start" | "causation_id" | "staff" | "submission_id" | "wait" => random.percent(5),
        _ if field.label() == Label::Repeated => random.percent(60),
        _ => random.percent(98),
    }
}
