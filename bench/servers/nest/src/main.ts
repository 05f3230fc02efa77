// The benchmark's chat on NestJS.

import "reflect-metadata";

import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { JwtModule } from "@nestjs/jwt";
import type { AddressInfo } from "node:net";

import { ChatGateway } from "./chat.gateway.js";

@Module({
  imports: [JwtModule.register({ secret: process.env.JWT_SECRET })],
  providers: [ChatGateway],
})
class AppModule {}

const [host, port] = (process.env.LISTEN ?? "127.0.0.1:0").split(":");
const app = await NestFactory.create(AppModule, { logger: ["error", "warn"] });
await app.listen(Number(port), host);
const { address, port: bound } = app.getHttpServer().address() as AddressInfo;
console.log(`listening on http://${address}:${bound}`);
