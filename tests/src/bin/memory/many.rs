//! A gateway with 300 handlers, one with 3, and one that does what neither may: it keeps
//! something per handler on every connection.

use gateway_core::prelude::*;

/// So many machine words, kept on every connection.
struct Words<const COUNT: usize>(Vec<usize>);

impl<const COUNT: usize> Default for Words<COUNT> {
    fn default() -> Self {
        Self((0..COUNT).collect())
    }
}

/// Writes a gateway's handlers, a method and its event for each pair of names, and the hook that
/// keeps the words.
macro_rules! handlers {
    ($gateway:ident keeps $words:literal: $($name:ident $event:literal,)*) => {
        #[web_socket_gateway]
        impl $gateway {
            #[on_connection]
            async fn connected(&self, SocketData(kept): SocketData<Words<$words>>) {
                std::hint::black_box(kept.0.len());
            }

            $(
                #[subscribe_message($event)]
                async fn $name(&self, MessageBody(number): MessageBody<u64>) -> u64 {
                    number
                }
            )*
        }
    };
}

#[web_socket_gateway(namespace = "/few")]
pub(crate) struct Few;

handlers! { Few keeps 0: e000 "e000", e001 "e001", e002 "e002", }

/// The control: a word per handler and connection, which the measurement must see.
#[web_socket_gateway(namespace = "/heavy")]
pub(crate) struct Heavy;

handlers! { Heavy keeps 300: e000 "e000", e001 "e001", e002 "e002", }

#[web_socket_gateway(namespace = "/many")]
pub(crate) struct Many;

#[rustfmt::skip]
handlers! { Many keeps 0:
    e000 "e000", e001 "e001", e002 "e002", e003 "e003", e004 "e004", e005 "e005", e006 "e006", e007 "e007", e008 "e008", e009 "e009",
    e010 "e010", e011 "e011", e012 "e012", e013 "e013", e014 "e014", e015 "e015", e016 "e016", e017 "e017", e018 "e018", e019 "e019",
    e020 "e020", e021 "e021", e022 "e022", e023 "e023", e024 "e024", e025 "e025", e026 "e026", e027 "e027", e028 "e028", e029 "e029",
    e030 "e030", e031 "e031", e032 "e032", e033 "e033", e034 "e034", e035 "e035", e036 "e036", e037 "e037", e038 "e038", e039 "e039",
    e040 "e040", e041 "e041", e042 "e042", e043 "e043", e044 "e044", e045 "e045", e046 "e046", e047 "e047", e048 "e048", e049 "e049",
    e050 "e050", e051 "e051", e052 "e052", e053 "e053", e054 "e054", e055 "e055", e056 "e056", e057 "e057", e058 "e058", e059 "e059",
    e060 "e060", e061 "e061", e062 "e062", e063 "e063", e064 "e064", e065 "e065", e066 "e066", e067 "e067", e068 "e068", e069 "e069",
    e070 "e070", e071 "e071", e072 "e072", e073 "e073", e074 "e074", e075 "e075", e076 "e076", e077 "e077", e078 "e078", e079 "e079",
    e080 "e080", e081 "e081", e082 "e082", e083 "e083", e084 "e084", e085 "e085", e086 "e086", e087 "e087", e088 "e088", e089 "e089",
    e090 "e090", e091 "e091", e092 "e092", e093 "e093", e094 "e094", e095 "e095", e096 "e096", e097 "e097", e098 "e098", e099 "e099",
    e100 "e100", e101 "e101", e102 "e102", e103 "e103", e104 "e104", e105 "e105", e106 "e106", e107 "e107", e108 "e108", e109 "e109",
    e110 "e110", e111 "e111", e112 "e112", e113 "e113", e114 "e114", e115 "e115", e116 "e116", e117 "e117", e118 "e118", e119 "e119",
    e120 "e120", e121 "e121", e122 "e122", e123 "e123", e124 "e124", e125 "e125", e126 "e126", e127 "e127", e128 "e128", e129 "e129",
    e130 "e130", e131 "e131", e132 "e132", e133 "e133", e134 "e134", e135 "e135", e136 "e136", e137 "e137", e138 "e138", e139 "e139",
    e140 "e140", e141 "e141", e142 "e142", e143 "e143", e144 "e144", e145 "e145", e146 "e146", e147 "e147", e148 "e148", e149 "e149",
    e150 "e150", e151 "e151", e152 "e152", e153 "e153", e154 "e154", e155 "e155", e156 "e156", e157 "e157", e158 "e158", e159 "e159",
    e160 "e160", e161 "e161", e162 "e162", e163 "e163", e164 "e164", e165 "e165", e166 "e166", e167 "e167", e168 "e168", e169 "e169",
    e170 "e170", e171 "e171", e172 "e172", e173 "e173", e174 "e174", e175 "e175", e176 "e176", e177 "e177", e178 "e178", e179 "e179",
    e180 "e180", e181 "e181", e182 "e182", e183 "e183", e184 "e184", e185 "e185", e186 "e186", e187 "e187", e188 "e188", e189 "e189",
    e190 "e190", e191 "e191", e192 "e192", e193 "e193", e194 "e194", e195 "e195", e196 "e196", e197 "e197", e198 "e198", e199 "e199",
    e200 "e200", e201 "e201", e202 "e202", e203 "e203", e204 "e204", e205 "e205", e206 "e206", e207 "e207", e208 "e208", e209 "e209",
    e210 "e210", e211 "e211", e212 "e212", e213 "e213", e214 "e214", e215 "e215", e216 "e216", e217 "e217", e218 "e218", e219 "e219",
    e220 "e220", e221 "e221", e222 "e222", e223 "e223", e224 "e224", e225 "e225", e226 "e226", e227 "e227", e228 "e228", e229 "e229",
    e230 "e230", e231 "e231", e232 "e232", e233 "e233", e234 "e234", e235 "e235", e236 "e236", e237 "e237", e238 "e238", e239 "e239",
    e240 "e240", e241 "e241", e242 "e242", e243 "e243", e244 "e244", e245 "e245", e246 "e246", e247 "e247", e248 "e248", e249 "e249",
    e250 "e250", e251 "e251", e252 "e252", e253 "e253", e254 "e254", e255 "e255", e256 "e256", e257 "e257", e258 "e258", e259 "e259",
    e260 "e260", e261 "e261", e262 "e262", e263 "e263", e264 "e264", e265 "e265", e266 "e266", e267 "e267", e268 "e268", e269 "e269",
    e270 "e270", e271 "e271", e272 "e272", e273 "e273", e274 "e274", e275 "e275", e276 "e276", e277 "e277", e278 "e278", e279 "e279",
    e280 "e280", e281 "e281", e282 "e282", e283 "e283", e284 "e284", e285 "e285", e286 "e286", e287 "e287", e288 "e288", e289 "e289",
    e290 "e290", e291 "e291", e292 "e292", e293 "e293", e294 "e294", e295 "e295", e296 "e296", e297 "e297", e298 "e298", e299 "e299",
}
